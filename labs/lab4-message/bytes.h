/* bytes.h - numbers as bytes on the wire, the lowest first, at any place: aligned or not. */
#ifndef BYTES_H
#define BYTES_H

#include <stdint.h>

/* Returns the place behind it.  Which byte of number is out[0], on any machine? */
static inline uint8_t *put_u32(uint8_t *out, uint32_t number)
{
    (void)number;
    /* Your code here. */
    return out + 4;
}

/* Why not *(const uint32_t *)in?  There are two reasons. */
static inline uint32_t get_u32(const uint8_t *in)
{
    (void)in;
    /* Your code here. */
    return 0;
}

#endif
