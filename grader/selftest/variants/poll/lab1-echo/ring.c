/* ring.c - see ring.h. */
#include "ring.h"

#include <errno.h>
#include <unistd.h>

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static enum ring_result failed(void)
{
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)
        return RING_WAIT;
    return RING_ERROR;
}

static void raise_case(char *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if ('a' <= bytes[i] && bytes[i] <= 'z')
            bytes[i] = (char)(bytes[i] - ('a' - 'A'));
}

enum ring_result ring_fill(struct ring *ring, int fd, bool upper)
{
    size_t end = (ring->start + ring->used) % RING_SIZE;
    size_t room = smaller(RING_SIZE - ring->used, RING_SIZE - end);
    ssize_t got;

    if (room == 0)
        return RING_WAIT;
    got = read(fd, ring->bytes + end, room);
    if (got < 0)
        return failed();
    if (got == 0)
        return RING_END;
    if (upper)
        raise_case(ring->bytes + end, (size_t)got);
    ring->used += (size_t)got;
    return RING_MOVED;
}

enum ring_result ring_drain(struct ring *ring, int fd, size_t most)
{
    size_t count = smaller(most, smaller(ring->used, RING_SIZE - ring->start));
    ssize_t put;

    if (count == 0)
        return RING_WAIT;
    put = write(fd, ring->bytes + ring->start, count);
    if (put < 0)
        return failed();
    ring->start = (ring->start + (size_t)put) % RING_SIZE;
    ring->used -= (size_t)put;
    return RING_MOVED;
}
