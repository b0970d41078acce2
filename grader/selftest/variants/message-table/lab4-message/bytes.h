/* bytes.h - numbers as bytes on the wire, the lowest first, at any place: aligned or not. */
#ifndef BYTES_H
#define BYTES_H

#include <stdint.h>

/* Returns the place behind it. */
static inline uint8_t *put_u32(uint8_t *out, uint32_t number)
{
    for (int i = 0; i < 4; i++)
        out[i] = (uint8_t)(number >> 8 * i);
    return out + 4;
}

/* Not by a cast pointer: alignment, and this machine's byte order. */
static inline uint32_t get_u32(const uint8_t *in)
{
    return (uint32_t)in[0] | (uint32_t)in[1] << 8 | (uint32_t)in[2] << 16 | (uint32_t)in[3] << 24;
}

#endif
