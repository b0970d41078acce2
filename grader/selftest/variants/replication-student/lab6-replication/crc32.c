/* crc32.c - a byte at a time, by a table that is made at the first call. */
#include "crc32.h"

static uint32_t table[256];

static void make_table(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t rest = i;
        for (int bit = 0; bit < 8; bit++)
            rest = (rest >> 1) ^ ((rest & 1) != 0 ? 0xedb88320 : 0);
        table[i] = rest;
    }
}

uint32_t crc32_of(uint32_t before, const uint8_t *data, size_t len)
{
    uint32_t crc = ~before;

    if (table[1] == 0)
        make_table();
    for (size_t i = 0; i < len; i++)
        crc = (crc >> 8) ^ table[(crc ^ data[i]) & 0xff];
    return ~crc;
}
