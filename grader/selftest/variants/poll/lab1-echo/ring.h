/* ring.h - a bounded first-in-first-out buffer between two descriptors. */
#ifndef RING_H
#define RING_H

#include <stdbool.h>
#include <stddef.h>

enum { RING_SIZE = 48 * 1024 };

struct ring {
    size_t start; /* of what is in it */
    size_t used;
    char bytes[RING_SIZE];
};

enum ring_result { RING_MOVED, RING_WAIT, RING_END, RING_ERROR };

/* One read(2) of what fits.  WAIT: nothing there now, or no room.  END: no more will come. */
enum ring_result ring_fill(struct ring *ring, int fd, bool upper);

/* One write(2) of at most `most` bytes of what is in it.  WAIT: nothing to write, or no room. */
enum ring_result ring_drain(struct ring *ring, int fd, size_t most);

#endif
