/* stream.c - one input, cut in several ways: stream.h. */
#include "stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 64 };

/* What libFuzzer calls, again and again. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

void expect(bool holds, const char *promise)
{
    if (holds)
        return;
    fprintf(stderr, "broken promise: %s\n", promise);
    abort();
}

uint8_t *new_block(size_t size)
{
    uint8_t *block = malloc(size);

    expect(block != NULL, "there is memory for a test");
    return block;
}

void record_put(struct record *record, const void *bytes, size_t len)
{
    if (record->bytes == NULL || record->capacity - record->len < len) {
        record->capacity = 2 * record->capacity + len + FIRST_CAPACITY;
        record->bytes = realloc(record->bytes, record->capacity);
        expect(record->bytes != NULL, "there is memory for a test");
    }
    if (len > 0)
        memcpy(record->bytes + record->len, bytes, len);
    record->len += len;
}

static bool are_equal(const struct record *one, const struct record *other)
{
    return one->len == other->len &&
           (one->len == 0 || memcmp(one->bytes, other->bytes, one->len) == 0);
}

/* How to cut: pieces of 1 to longest bytes, and windows that lie shift bytes off alignment. */
struct cuts {
    size_t longest, shift;
    uint64_t random; /* the next numbers; not 0 */
};

/* Xorshift (Marsaglia, 2003). */
static size_t next_piece(struct cuts *cuts, size_t left)
{
    cuts->random ^= cuts->random << 13;
    cuts->random ^= cuts->random >> 7;
    cuts->random ^= cuts->random << 17;
    size_t piece = cuts->longest < left ? 1 + cuts->random % cuts->longest : left;
    return piece < left ? piece : left;
}

/* A number that depends on every byte of the input: the cuts come from it (FNV-1a). */
static uint64_t random_of(const uint8_t *data, size_t len)
{
    uint64_t hash = 0xcbf29ce484222325;

    for (size_t i = 0; i < len; i++)
        hash = (hash ^ data[i]) * 0x100000001b3;
    return hash | 1;
}

/* How a stream was understood: the values, and what was said at its end. */
struct reading {
    struct record record;
    enum outcome end;
};

static void check_value(struct decoder *decoder, const uint8_t *window, size_t size,
                        struct record *record)
{
    size_t before = record->len;

    if (!decoder_tell(decoder, window, size, record))
        return;
    expect(record->len - before == size && memcmp(record->bytes + before, window, size) == 0,
           "what was decoded, encoded again, gives the same bytes");
}

/* Shows the bytes at the end of a block, so that none behind them can be read unnoticed; an empty
 * window lies at an end too. */
static enum outcome show(struct decoder *decoder, const uint8_t *data, size_t len, size_t shift,
                         struct record *record, size_t *size)
{
    size_t before = len == 0 ? 1 : shift;
    uint8_t *block = new_block(before + len), *window = block + before;

    if (len > 0)
        memcpy(window, data, len);
    enum outcome outcome = decoder_read(decoder, window, len, size);
    if (outcome == DONE) {
        expect(*size > 0 && *size <= len, "a value takes at least a byte, and no more than came");
        check_value(decoder, window, *size, record);
    }
    free(block);
    return outcome;
}

static void expect_that_error_stays(struct decoder *decoder, const uint8_t *rest, size_t len,
                                    struct record *record)
{
    size_t size, good = strlen(decoder_good);
    enum outcome again = show(decoder, rest, len, 0, record, &size);

    expect(again == ERROR, "an error stays when more comes");
    if (good == 0)
        return;
    again = show(decoder, (const uint8_t *)decoder_good, good, 0, record, &size);
    expect(again == ERROR, "an error stays for this parser");
}

static struct reading read_in_pieces(const uint8_t *data, size_t len, struct cuts cuts)
{
    struct reading reading = {.end = MORE};
    struct decoder *decoder = decoder_new();
    size_t start = 0, shown = 0, size;

    expect(decoder != NULL, "there is memory for a decoder");
    while (shown < len && reading.end != ERROR) {
        shown += next_piece(&cuts, len - shown);
        do {
            reading.end =
                show(decoder, data + start, shown - start, cuts.shift, &reading.record, &size);
            if (reading.end == DONE)
                start += size;
        } while (reading.end == DONE);
    }
    if (reading.end == ERROR)
        expect_that_error_stays(decoder, data + start, len - start, &reading.record);
    decoder_free(decoder);
    return reading;
}

static void expect_the_same(const struct reading *whole, const uint8_t *data, size_t len,
                            struct cuts cuts)
{
    struct reading cut = read_in_pieces(data, len, cuts);

    expect(are_equal(&cut.record, &whole->record),
           "the same values are found, however the stream is cut");
    expect(cut.end == whole->end, "the verdict is the same, however the stream is cut");
    free(cut.record.bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t len = size + strlen(decoder_end);
    uint8_t *stream = new_block(len);

    if (size > 0)
        memcpy(stream, data, size);
    memcpy(stream + size, decoder_end, len - size);
    uint64_t random = random_of(data, size);
    struct reading whole = read_in_pieces(stream, len, (struct cuts){len + 1, 0, random});
    expect_the_same(&whole, stream, len, (struct cuts){1, 0, random});
    expect_the_same(&whole, stream, len, (struct cuts){16, 1 + random % 7, random});
    expect_the_same(&whole, stream, len, (struct cuts){2 + len / 2, 0, random});
    free(whole.record.bytes);
    free(stream);
    return 0;
}
