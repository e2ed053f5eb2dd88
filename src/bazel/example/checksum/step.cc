#include "checksum/step.h"

std::uint32_t checksum_step(std::uint32_t state, std::uint8_t byte) {
    return (state ^ byte) * 16777619u;
}
