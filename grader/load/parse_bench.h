/* parse_bench.h - a stream of requests, and a parser that reads it in pieces.
 *
 * The pieces lie in one buffer, where a read(2) would have put them.  A parser may use them there,
 * or copy them first: what its interface asks for is its own cost. */
#ifndef PARSE_BENCH_H
#define PARSE_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct stream {
    const uint8_t *data;
    size_t size;
};

/* What was found in a stream.  The hash goes over all bytes of all words, if it is asked for. */
struct found {
    size_t commands, words, bytes;
    uint64_t hash;
};

static inline void see_word(struct found *found, const void *data, size_t len, bool with_hash)
{
    const uint8_t *bytes = data;

    found->words++;
    found->bytes += len;
    for (size_t i = 0; with_hash && i < len; i++)
        found->hash = found->hash * 31 + bytes[i];
}

/* A side.  sees_words: whether it tells what the words are, or only how many commands came. */
struct side {
    bool sees_words;
    bool (*open)(void);
    /* Reads all of the stream, chunk bytes at a time.  false: an error. */
    bool (*parse)(const struct stream *stream, size_t chunk, struct found *found, bool with_hash);
};

/* The side that this program is linked with; bare: without objects, where it makes any. */
const struct side *side_named(bool bare);

#endif
