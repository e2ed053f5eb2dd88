#pragma once

#include <cstdint>

extern "C" std::uint32_t checksum_step(std::uint32_t state, std::uint8_t byte);
