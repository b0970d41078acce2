/* wraps.c - sums and products of lengths that leave their type.
 *
 *     gcc -std=c11 -Wall -Wextra -o wraps wraps.c
 *     ./wraps */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>

int main(void)
{
    volatile uint32_t payload_size = 0xffffffff, entry_count = 0x10000001, left = 5;
    volatile uint32_t position = 44, length = 0xfffffff0, end = 71;
    uint32_t sum = 8 + payload_size, product = 16 * entry_count, rest = left - 8;

    /* [wraps] */
    printf("8 + payload_size:         %" PRIu32 "\n", sum);
    printf("16 * entry_count:         %" PRIu32 "\n", product);
    printf("left - 8:                 %" PRIu32 "\n", rest);
    printf("position + length <= end: %s\n", position + length <= end ? "fits" : "too long");
    printf("length <= end - position: %s\n", length <= end - position ? "fits" : "too long");
    printf("length as an int:         %d\n", (int)length);
    /* [wraps-end] */
    return 0;
}
