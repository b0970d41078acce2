/* byte_order.c - how numbers lie in memory, and what the wrong order makes of them.
 *
 *     gcc -std=c11 -D_GNU_SOURCE -Wall -Wextra -o byte_order byte_order.c
 *     ./byte_order */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static void show(const char *what, uint32_t value)
{
    uint8_t bytes[4];

    memcpy(bytes, &value, sizeof bytes);
    printf("%-18s", what);
    for (size_t i = 0; i < sizeof bytes; i++)
        printf(" %02x", bytes[i]);
    printf("\n");
}

/* [big] */
/* The most significant byte comes first: the order of IP, TCP and most RFCs. */
static uint32_t load_big(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
           (uint32_t)bytes[3];
}
/* [big-end] */

int main(void)
{
    const uint8_t seven[4] = {7, 0, 0, 0};
    int32_t minus_one = -1;

    show("305419896", 0x12345678);
    show("7", 7);
    show("htonl(7)", htonl(7));
    show("-1", (uint32_t)minus_one);
    show("INT32_MIN", (uint32_t)INT32_MIN);
    printf("07 00 00 00, read with the big end first: %" PRIu32 "\n", load_big(seven));
    return 0;
}
