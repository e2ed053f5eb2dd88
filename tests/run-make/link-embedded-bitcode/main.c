#include <stdio.h>

unsigned describe(unsigned value);

int main(void) {
    unsigned length = describe(7);
    printf("%u\n", length);
    return 0;
}
