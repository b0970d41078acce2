/* codec_bench.c - CPU time of a codec.
 *
 *     codec_bench ENTRIES SECONDS
 *
 * Encodes an AppendEntries with so many entries of 100 bytes for SECONDS, then decodes it as long,
 * and prints nanoseconds an encode and nanoseconds a decode.  What was decoded is compared before,
 * byte for byte, and after. */
#include "codec_bench.h"

#include "clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ENTRY_SIZE = 100, ROOM = MOST_ENTRIES * (ENTRY_SIZE + 28) + 256 };

static uint8_t data[MOST_ENTRIES][ENTRY_SIZE], out[ROOM];
static struct log_entry entries[MOST_ENTRIES];
static size_t size;

static struct append_entries make_message(uint32_t entry_count)
{
    for (size_t i = 0; i < MOST_ENTRIES; i++) {
        for (size_t j = 0; j < ENTRY_SIZE; j++)
            data[i][j] = (uint8_t)(i + j);
        entries[i] = (struct log_entry){(int32_t)(7 + i % 3), ENTRY_SIZE, data[i]};
    }
    return (struct append_entries){7, 2, 123456, 6, 123450, 4242424, entry_count, entries};
}

static bool is_same(const struct append_entries *a, const struct append_entries *b)
{
    bool same = a->term == b->term && a->leader_id == b->leader_id &&
                a->prev_log_index == b->prev_log_index && a->prev_log_term == b->prev_log_term &&
                a->leader_commit == b->leader_commit && a->seq == b->seq &&
                a->entry_count == b->entry_count;

    for (uint32_t i = 0; same && i < a->entry_count; i++) {
        const struct log_entry *x = &a->entries[i], *y = &b->entries[i];
        same = x->term == y->term && x->size == y->size && memcmp(x->data, y->data, x->size) == 0;
    }
    return same;
}

static bool decodes_to(const struct append_entries *sent)
{
    struct append_entries found = {0};

    if (!codec.decode(out, size))
        return false;
    codec.decoded(&found);
    return is_same(sent, &found);
}

static bool encode(void)
{
    size = codec.encode(out, sizeof out);
    return size > 0;
}

static bool decode(void)
{
    return codec.decode(out, size);
}

/* Nanoseconds a call, or -1.  The compiler has to believe that memory is read after each one. */
static double measure(bool (*work)(void), long batch, double seconds)
{
    double began = cpu_ns(), took = 0, calls = 0;

    while (took < seconds * 1e9 || calls == 0) {
        for (long i = 0; i < batch; i++) {
            if (!work())
                return -1;
            __asm__ volatile("" ::: "memory");
        }
        calls += (double)batch;
        took = cpu_ns() - began;
    }
    return took / calls;
}

static int complain(const char *words)
{
    fprintf(stderr, "%s\n", words);
    return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    unsigned long entry_count = argc == 3 ? strtoul(argv[1], NULL, 10) : MOST_ENTRIES + 1;

    if (entry_count > MOST_ENTRIES)
        return complain("usage: codec_bench ENTRIES SECONDS");
    struct append_entries sent = make_message((uint32_t)entry_count);
    long batch = (long)(4000 / (1 + entry_count));
    double seconds = strtod(argv[2], NULL);
    if (!codec.prepare(&sent))
        return complain("not enough memory");
    if (!encode() || !decodes_to(&sent))
        return complain("what was decoded is not what was sent");
    double encode_ns = measure(encode, batch, seconds), decode_ns = measure(decode, batch, seconds);
    if (encode_ns < 0 || decode_ns < 0 || !decodes_to(&sent))
        return complain("what was decoded is not what was sent, after it was right once");
    printf("%.3f %.3f\n", encode_ns, decode_ns);
    return EXIT_SUCCESS;
}
