/* siphash.c - SipHash with one round a word of data and three at the end, which is what hash tables
 * use: the original's two and four are for authentication. */
#include "siphash.h"

enum { WORD = 8, DATA_ROUNDS = 1, LAST_ROUNDS = 3 };

struct state {
    uint64_t v0, v1, v2, v3;
};

static uint64_t rotate(uint64_t v, int bits)
{
    return v << bits | v >> (64 - bits);
}

static void mix(struct state *s, int rounds)
{
    for (; rounds > 0; rounds--) {
        s->v0 += s->v1;
        s->v2 += s->v3;
        s->v1 = rotate(s->v1, 13) ^ s->v0;
        s->v3 = rotate(s->v3, 16) ^ s->v2;
        s->v0 = rotate(s->v0, 32);
        s->v2 += s->v1;
        s->v0 += s->v3;
        s->v1 = rotate(s->v1, 17) ^ s->v2;
        s->v3 = rotate(s->v3, 21) ^ s->v0;
        s->v2 = rotate(s->v2, 32);
    }
}

static void take(struct state *s, uint64_t word)
{
    s->v3 ^= word;
    mix(s, DATA_ROUNDS);
    s->v0 ^= word;
}

/* Little-endian, from at most 8 bytes. */
static uint64_t load(const uint8_t *data, size_t len)
{
    uint64_t word = 0;

    for (size_t i = 0; i < len; i++)
        word |= (uint64_t)data[i] << (8 * i);
    return word;
}

uint64_t siphash(const uint8_t key[SIPHASH_KEY_SIZE], const uint8_t *data, size_t len)
{
    uint64_t k0 = load(key, WORD), k1 = load(key + WORD, WORD);
    struct state s = {k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261,
                      k1 ^ 0x7465646279746573};
    size_t left = len;

    for (; left >= WORD; left -= WORD, data += WORD)
        take(&s, load(data, WORD));
    take(&s, load(data, left) | (uint64_t)len << 56); /* the last word ends with the length */
    s.v2 ^= 0xff;
    mix(&s, LAST_ROUNDS);
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
