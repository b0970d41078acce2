/* crc32.c - eight bytes a step, by eight tables ("slicing by 8").
 *
 * tables[0][b] is what the byte b becomes after eight steps of the division, and tables[k][b] after
 * k more bytes.  Division is linear over XOR, so what eight bytes become is the XOR of what each of
 * them becomes by itself: eight lookups that don't wait for each other, where one byte a step has
 * each lookup wait for the one before. */
#include "crc32.h"

#include <stdbool.h>

enum { SLICES = 8, BYTES = 256 };

static const uint32_t POLYNOMIAL = 0xEDB88320; /* bits in reverse order */

static uint32_t tables[SLICES][BYTES];

static void fill_tables(void)
{
    for (uint32_t byte = 0; byte < BYTES; byte++) {
        uint32_t crc = byte;
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (POLYNOMIAL & -(crc & 1));
        tables[0][byte] = crc;
    }
    for (int slice = 1; slice < SLICES; slice++)
        for (int byte = 0; byte < BYTES; byte++) {
            uint32_t before = tables[slice - 1][byte];
            tables[slice][byte] = before >> 8 ^ tables[0][before & 0xFF];
        }
}

static uint32_t get_u32(const uint8_t *in)
{
    return in[0] | (uint32_t)in[1] << 8 | (uint32_t)in[2] << 16 | (uint32_t)in[3] << 24;
}

static uint32_t eight_bytes(uint32_t crc, const uint8_t *data)
{
    uint32_t low = crc ^ get_u32(data), high = get_u32(data + 4);

    return tables[7][low & 0xFF] ^ tables[6][low >> 8 & 0xFF] ^ tables[5][low >> 16 & 0xFF] ^
           tables[4][low >> 24] ^ tables[3][high & 0xFF] ^ tables[2][high >> 8 & 0xFF] ^
           tables[1][high >> 16 & 0xFF] ^ tables[0][high >> 24];
}

uint32_t crc32_update(uint32_t crc, const uint8_t *data, size_t len)
{
    static bool is_filled;

    if (!is_filled)
        fill_tables();
    is_filled = true;
    crc = ~crc;
    for (; len >= SLICES; len -= SLICES, data += SLICES)
        crc = eight_bytes(crc, data);
    for (; len > 0; len--, data++)
        crc = crc >> 8 ^ tables[0][(crc ^ *data) & 0xFF];
    return ~crc;
}
