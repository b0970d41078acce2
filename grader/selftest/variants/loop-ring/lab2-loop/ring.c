/* ring.c - the ring of ring.h. */
#include "ring.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/uio.h>

/* The len bytes from at on, in one part or two. */
static int parts(const struct ring *ring, size_t at, size_t len, struct iovec part[2])
{
    size_t start = at % RING_SIZE, before_end = RING_SIZE - start;

    part[0] = (struct iovec){ring->bytes + start, len < before_end ? len : before_end};
    part[1] = (struct iovec){ring->bytes, len - part[0].iov_len};
    return part[1].iov_len == 0 ? 1 : 2;
}

static void free_if_empty(struct ring *ring)
{
    if (ring->count == 0)
        ring_free(ring);
}

ssize_t ring_read(struct ring *ring, int fd)
{
    struct iovec part[2];
    ssize_t n;

    if (ring->bytes == NULL && (ring->bytes = malloc(RING_SIZE)) == NULL)
        return -1;
    int count = parts(ring, ring->first + ring->count, RING_SIZE - ring->count, part);
    do
        n = readv(fd, part, count);
    while (n < 0 && errno == EINTR);
    int error = errno;
    ring->count += n > 0 ? (size_t)n : 0;
    free_if_empty(ring);
    errno = error;
    return n;
}

ssize_t ring_write(struct ring *ring, int fd)
{
    struct iovec part[2];
    ssize_t n;

    if (ring->count == 0)
        return 0;
    int count = parts(ring, ring->first, ring->count, part);
    do
        n = writev(fd, part, count);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return -1;
    ring->first = (ring->first + (size_t)n) % RING_SIZE;
    ring->count -= (size_t)n;
    free_if_empty(ring);
    return n;
}

bool ring_is_full(const struct ring *ring)
{
    return ring->count == RING_SIZE;
}

bool ring_is_empty(const struct ring *ring)
{
    return ring->count == 0;
}

void ring_free(struct ring *ring)
{
    free(ring->bytes);
    *ring = (struct ring){0};
}
