/* loop_epoll.c - the loop over epoll(7): its man page, epoll_ctl(2), epoll_wait(2). */
#include "backend.h"
#include "loop.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

struct epoll_backend {
    struct backend base;
    int fd;
    struct epoll_event events[MOST_READY];
};

/* Stage 2.8: epoll_ctl(2): ADD, MOD or DEL?  Stage 2.12: EPOLLHUP and EPOLLERR are told even of
 * a descriptor from which nothing is asked for.  Stage 2.18: EPOLLET. */
static int watch(struct backend *backend, int fd, unsigned before, unsigned after)
{
    struct epoll_backend *b = (struct epoll_backend *)backend;

    (void)b;
    (void)fd;
    (void)before;
    (void)after;
    /* Your code here. */
    errno = ENOSYS;
    return -1;
}

/* Stage 2.8: epoll_wait(2).  Stage 2.12: what does a hang-up mean for reading, what for writing? */
static int wait_ready(struct backend *backend, int timeout_ms, struct ready *ready)
{
    struct epoll_backend *b = (struct epoll_backend *)backend;

    (void)b;
    (void)timeout_ms;
    (void)ready;
    /* Your code here. */
    errno = ENOSYS;
    return -1;
}

static void free_backend(struct backend *backend)
{
    struct epoll_backend *b = (struct epoll_backend *)backend;

    close(b->fd);
    free(b);
}

/* Stage 2.8: the object, with its three functions and a new epoll instance. */
struct backend *backend_epoll(bool edge)
{
    (void)watch;
    (void)wait_ready;
    (void)free_backend;
    (void)edge;
    /* Your code here. */
    errno = ENOSYS;
    return NULL;
}
