/* loop_select.c - the loop over select(2): its man page, and select_tut(2). */
#include "backend.h"
#include "loop.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/select.h>

struct select_backend {
    struct backend base;
    fd_set reading, writing; /* the question; select gets copies */
    int limit;               /* the highest descriptor that is watched, and one more */
};

static void set_member(int fd, fd_set *set, bool member)
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
    if (fd >= FD_SETSIZE) {
        errno = ERANGE;
        return -1;
    }
    set_member(fd, &b->reading, after & LOOP_READ);
    set_member(fd, &b->writing, after & LOOP_WRITE);
    if (after != 0 && fd >= b->limit)
        b->limit = fd + 1;
    while (b->limit > 0 && !is_watched(b, b->limit - 1))
        b->limit--;
    return 0;
}

static int wait_ready(struct backend *backend, int timeout_ms, struct ready *ready)
{
    struct select_backend *b = (struct select_backend *)backend;
    fd_set readable = b->reading, writable = b->writing;
    struct timeval timeout = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};
    int found = 0;

    /* Counts a descriptor twice that is in both sets. */
    int left = select(b->limit, &readable, &writable, NULL, timeout_ms < 0 ? NULL : &timeout);
    if (left < 0)
        return -1;
    for (int fd = 0; left > 0 && fd < b->limit; fd++) {
        unsigned events = 0;
        if (FD_ISSET(fd, &readable)) {
            events |= LOOP_READ;
            left--;
        }
        if (FD_ISSET(fd, &writable)) {
            events |= LOOP_WRITE;
            left--;
        }
        if (events != 0)
            ready[found++] = (struct ready){.fd = fd, .events = events};
    }
    return found;
}

static void free_backend(struct backend *backend)
{
    free(backend);
}

/* There are never more ready than fit: */
_Static_assert(FD_SETSIZE <= MOST_READY, "all that select can tell fits into a batch");

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
