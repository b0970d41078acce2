/* loop_select.c - the loop over select(2).
 *
 * An fd_set is a bitmap of FD_SETSIZE (1024) descriptors, and select writes its answer over the
 * question.  So the question is kept apart and copied for each call; the kernel looks at every
 * number below limit, and so does the scan of the answer.  FD_SET of a higher number would write
 * behind the bitmap: such a descriptor is refused. */
#include "backend.h"
#include "loop.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/select.h>

struct select_backend {
    struct backend base;
    fd_set reading, writing;
    int limit; /* the highest descriptor that is watched, and one more */
};

static void put(fd_set *set, int fd, bool member)
{
    if (member)
        FD_SET(fd, set);
    else
        FD_CLR(fd, set);
}

static bool is_watched(const struct select_backend *b, int fd)
{
    return FD_ISSET(fd, &b->reading) || FD_ISSET(fd, &b->writing);
}

static int watch(struct backend *backend, int fd, unsigned before, unsigned after)
{
    struct select_backend *b = (struct select_backend *)backend;

    (void)before;
    if (fd < 0 || fd >= FD_SETSIZE) {
        errno = ERANGE;
        return -1;
    }
    put(&b->reading, fd, (after & LOOP_READ) != 0);
    put(&b->writing, fd, (after & LOOP_WRITE) != 0);
    if (after != 0 && fd >= b->limit)
        b->limit = fd + 1;
    while (b->limit > 0 && !is_watched(b, b->limit - 1))
        b->limit--;
    return 0;
}

static unsigned events_of(int fd, const fd_set *readable, const fd_set *writable)
{
    return (FD_ISSET(fd, readable) ? (unsigned)LOOP_READ : 0) |
           (FD_ISSET(fd, writable) ? (unsigned)LOOP_WRITE : 0);
}

static int collect(const struct select_backend *b, const fd_set *readable, const fd_set *writable,
                   struct ready *ready)
{
    int count = 0;

    for (int fd = 0; fd < b->limit; fd++) {
        unsigned events = events_of(fd, readable, writable);
        if (events != 0)
            ready[count++] = (struct ready){fd, events};
    }
    return count;
}

static int wait_ready(struct backend *backend, int timeout_ms, struct ready *ready)
{
    struct select_backend *b = (struct select_backend *)backend;
    struct timeval timeout = {timeout_ms / 1000, timeout_ms % 1000 * 1000L};
    fd_set readable = b->reading, writable = b->writing;

    if (select(b->limit, &readable, &writable, NULL, timeout_ms < 0 ? NULL : &timeout) < 0)
        return -1;
    return collect(b, &readable, &writable, ready);
}

static void free_backend(struct backend *backend)
{
    free(backend);
}

struct backend *backend_select(void)
{
    struct select_backend *b = calloc(1, sizeof *b);

    if (b == NULL)
        return NULL;
    b->base = (struct backend){.watch = watch, .wait = wait_ready, .free = free_backend};
    FD_ZERO(&b->reading);
    FD_ZERO(&b->writing);
    return &b->base;
}
