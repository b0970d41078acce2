/* checksum.c - the sum of checksum.h: IEEE 802.3, polynomial 0x04c11db7, bits reflected. */
#include "checksum.h"

/* What a byte does to a sum of zero. */
static const uint32_t *table(void)
{
    static uint32_t sums[256];

    if (sums[1] != 0)
        return sums;
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t sum = byte;
        for (int bit = 0; bit < 8; bit++)
            sum = sum >> 1 ^ (sum & 1 ? 0xedb88320 : 0);
        sums[byte] = sum;
    }
    return sums;
}

uint32_t checksum(const uint8_t *data, size_t len)
{
    const uint32_t *sums = table();
    uint32_t sum = UINT32_MAX;

    for (size_t i = 0; i < len; i++)
        sum = sum >> 8 ^ sums[(sum ^ data[i]) & 0xff];
    return ~sum;
}
