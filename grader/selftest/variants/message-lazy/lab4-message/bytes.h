/* bytes.h - numbers as bytes, the lowest first, by shifts: so it is on any machine, at any place. */
#ifndef BYTES_H
#define BYTES_H

#include <stdint.h>

static inline uint8_t *put_u32(uint8_t *out, uint32_t number)
{
    for (unsigned shift = 0; shift < 32; shift += 8)
        *out++ = (uint8_t)(number >> shift);
    return out;
}

static inline uint8_t *put_u64(uint8_t *out, uint64_t number)
{
    return put_u32(put_u32(out, (uint32_t)number), (uint32_t)(number >> 32));
}

static inline uint32_t get_u32(const uint8_t *in)
{
    return in[0] | (uint32_t)in[1] << 8 | (uint32_t)in[2] << 16 | (uint32_t)in[3] << 24;
}

static inline uint64_t get_u64(const uint8_t *in)
{
    return get_u32(in) | (uint64_t)get_u32(in + 4) << 32;
}

/* Two's complement: gcc and clang convert so. */
static inline int32_t get_i32(const uint8_t *in)
{
    return (int32_t)get_u32(in);
}

#endif
