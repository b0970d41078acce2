/* ring.h - bytes that wait, in a ring of fixed size that has memory only while some do. */
#ifndef RING_H
#define RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { RING_SIZE = 64 * 1024 };

/* All zero: empty. */
struct ring {
    uint8_t *bytes; /* NULL while it is empty */
    size_t first, count;
};

/* Reads from fd what is there and fits: readv(2).  The count, where 0 is the end of input; -1 with
 * errno.  The ring is not full. */
ssize_t ring_read(struct ring *ring, int fd);

/* Writes to fd what the kernel takes of what waits: writev(2).  -1 with errno. */
ssize_t ring_write(struct ring *ring, int fd);

bool ring_is_full(const struct ring *ring);
bool ring_is_empty(const struct ring *ring);
void ring_free(struct ring *ring);

#endif
