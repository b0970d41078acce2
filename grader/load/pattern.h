/* pattern.h - the bytes that go over each connection: random, but known by their position, so that
 * a wrong, lost or moved one is seen by a plain comparison, and nothing is made up while the clock
 * runs. */
#ifndef PATTERN_H
#define PATTERN_H

#include <stddef.h>
#include <stdint.h>

/* A prime period, so that no lost chunk of a usual size leaves the rest in step; small, so that it
 * stays in the first cache. */
enum { PATTERN_PERIOD = 8191, PATTERN_CHUNK = 64 * 1024 };

static uint8_t pattern[PATTERN_PERIOD + PATTERN_CHUNK];

/* xorshift32: Marsaglia, "Xorshift RNGs", 2003. */
static inline void pattern_init(void)
{
    uint32_t x = 2463534242;

    for (size_t i = 0; i < sizeof pattern; i++) {
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        pattern[i] = i < PATTERN_PERIOD ? (uint8_t)x : pattern[i - PATTERN_PERIOD];
    }
}

/* PATTERN_CHUNK bytes of a connection's stream, from that position on. */
static inline const uint8_t *pattern_at(uint32_t connection, uint64_t position)
{
    return pattern + (connection * 131ULL + position) % PATTERN_PERIOD;
}

#endif
