/* codec_bench.h - one AppendEntries, encoded into a buffer of the caller's and decoded from it. */
#ifndef CODEC_BENCH_H
#define CODEC_BENCH_H

#include "message.h"

enum { MOST_ENTRIES = 1000 };

struct codec {
    /* What a sender has at hand already: the message in the codec's own structs. */
    bool (*prepare)(const struct append_entries *m);
    size_t (*encode)(uint8_t *out, size_t room); /* the size, or 0 */
    /* Decodes and keeps it, after the last one was freed where that is due. */
    bool (*decode)(const uint8_t *in, size_t len);
    /* The message that decode keeps: lent, and out of the measured time. */
    void (*decoded)(struct append_entries *m);
};

/* The codec that this program is linked with. */
extern const struct codec codec;

#endif
