/* state_reader.c - the reader of state_reader.h. */
#include "state_reader.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HASH_DIGITS = 16 };

static const uint64_t FNV_BASIS = 0xcbf29ce484222325, FNV_PRIME = 0x100000001b3;

static uint64_t hash_byte(uint64_t hash, uint8_t byte)
{
    return (hash ^ byte) * FNV_PRIME;
}

uint64_t state_hash(const void *data, size_t size)
{
    const uint8_t *bytes = data;
    uint64_t hash = FNV_BASIS;

    for (size_t i = 0; i < size; i++)
        hash = hash_byte(hash, bytes[i]);
    return hash;
}

struct state_reader *state_reader_new(int fd)
{
    struct state_reader *reader = calloc(1, sizeof *reader);

    if (reader != NULL)
        reader->fd = fd;
    return reader;
}

static void fill(struct state_reader *reader)
{
    ssize_t n;

    do {
        n = read(reader->fd, reader->buffer, sizeof reader->buffer);
    } while (n < 0 && errno == EINTR);
    reader->has_failed = n < 0;
    reader->next = 0;
    reader->used = n > 0 ? (size_t)n : 0;
}

bool state_is_at_end(struct state_reader *reader)
{
    if (reader->next == reader->used && !reader->has_failed)
        fill(reader);
    return reader->next == reader->used;
}

static uint8_t take_byte(struct state_reader *reader)
{
    reader->at++;
    return reader->buffer[reader->next++];
}

/* A longer line is read to its end. */
static bool read_to_line_feed(struct state_reader *reader, char line[STATE_LONGEST_LINE],
                              size_t *len)
{
    *len = 0;
    while (!state_is_at_end(reader)) {
        char c = (char)take_byte(reader);
        if (c == '\n')
            return *len < STATE_LONGEST_LINE;
        if (*len < STATE_LONGEST_LINE)
            line[(*len)++] = c;
    }
    return false;
}

bool state_read_line(struct state_reader *reader, char line[STATE_LONGEST_LINE])
{
    char hash[HASH_DIGITS + 1];
    size_t len;

    if (!read_to_line_feed(reader, line, &len) || len < HASH_DIGITS)
        return false;
    len -= HASH_DIGITS;
    snprintf(hash, sizeof hash, "%016" PRIx64, state_hash(line, len));
    if (memcmp(line + len, hash, HASH_DIGITS) != 0)
        return false;
    line[len] = '\0';
    return true;
}

bool state_read_data(struct state_reader *reader, size_t size, uint64_t hash)
{
    uint64_t found = FNV_BASIS;

    for (; size > 0 && !state_is_at_end(reader); size--)
        found = hash_byte(found, take_byte(reader));
    return size == 0 && !state_is_at_end(reader) && take_byte(reader) == '\n' && found == hash;
}
