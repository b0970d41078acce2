/* state_reader.h - reads a file of storage.c, from its beginning to its end, byte by byte. */
#ifndef STATE_READER_H
#define STATE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { STATE_LONGEST_LINE = 128 };

/* FNV-1a: the multiplier is odd, so no single byte changes without the hash. */
uint64_t state_hash(const void *data, size_t size);

struct state_reader {
    int fd;
    off_t at;        /* of the next byte */
    bool has_failed; /* read(2) has: errno */
    size_t next, used;
    uint8_t buffer[1 << 16];
};

/* One that begins where fd is. */
struct state_reader *state_reader_new(int fd);

/* The next line without its hash and its line feed, with a NUL behind it.  False: its hash is not
 * right, or it is too long, or the file ends before it does.  It is read anyway. */
bool state_read_line(struct state_reader *reader, char line[STATE_LONGEST_LINE]);

/* Whether so many bytes come, with this hash, and a line feed.  They are read anyway. */
bool state_read_data(struct state_reader *reader, size_t size, uint64_t hash);

bool state_is_at_end(struct state_reader *reader);

#endif
