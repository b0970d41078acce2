/* shifts.c - a byte is promoted to int before it is shifted.
 *
 *     gcc -std=c11 -g -fsanitize=undefined -Wall -Wextra -o shifts shifts.c
 *     ./shifts */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>

int main(void)
{
    volatile uint8_t top = 0x80;
    unsigned int right = (uint32_t)top << 24;
    uint64_t wrong = (uint64_t)(top << 24);

    printf("(uint32_t)top << 24  is %08x\n", right);
    printf("top << 24, in 64 bits is %016" PRIx64 "\n", wrong);
    return 0;
}
