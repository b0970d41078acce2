/* bytes.h - numbers as bytes on the wire, the lowest first, at any place: aligned or not.
 *
 * endian(3) does nothing on a machine that keeps numbers so, and swaps the bytes on any other; a
 * memcpy of four bytes needs no alignment, and costs one instruction. */
#ifndef BYTES_H
#define BYTES_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

/* Returns the place behind it. */
static inline uint8_t *put_u32(uint8_t *out, uint32_t number)
{
    uint32_t wire = htole32(number);

    memcpy(out, &wire, sizeof wire);
    return out + sizeof wire;
}

static inline uint32_t get_u32(const uint8_t *in)
{
    uint32_t wire;

    memcpy(&wire, in, sizeof wire);
    return le32toh(wire);
}

#endif
