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

/* A descriptor of which nothing is asked is taken out, as its hang-up would be told all the same.
 * MOD from some events to the same ones asks again, which is for edges. */
static int watch(struct backend *backend, int fd, unsigned before, unsigned after)
{
    struct epoll_backend *b = (struct epoll_backend *)backend;
    struct epoll_event event = {.data.u64 = (uint64_t)fd};
    int operation = before == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;

    if (before == 0 && after == 0)
        return 0;
    if (after == 0)
        operation = EPOLL_CTL_DEL;
    if (after & LOOP_READ)
        event.events |= EPOLLIN;
    if (after & LOOP_WRITE)
        event.events |= EPOLLOUT;
    if (b->base.is_edge)
        event.events |= EPOLLET;
    return epoll_ctl(b->fd, operation, fd, &event);
}

static unsigned translate(uint32_t told)
{
    unsigned events = 0;

    if (told & (EPOLLIN | EPOLLERR | EPOLLHUP))
        events |= LOOP_READ;
    if (told & (EPOLLOUT | EPOLLERR | EPOLLHUP))
        events |= LOOP_WRITE;
    return events;
}

static int wait_ready(struct backend *backend, int timeout_ms, struct ready *ready)
{
    struct epoll_backend *b = (struct epoll_backend *)backend;
    int count = epoll_wait(b->fd, b->events, MOST_READY, timeout_ms);

    for (int i = 0; i < count; i++)
        ready[i] = (struct ready){
            .fd = (int)b->events[i].data.u64,
            .events = translate(b->events[i].events),
        };
    return count;
}

static void free_backend(struct backend *backend)
{
    struct epoll_backend *b = (struct epoll_backend *)backend;

    close(b->fd);
    free(b);
}

struct backend *backend_epoll(bool edge)
{
    struct epoll_backend *b = calloc(1, sizeof *b);

    if (b == NULL)
        return NULL;
    b->base = (struct backend){
        .watch = watch,
        .wait = wait_ready,
        .free = free_backend,
        .is_edge = edge,
    };
    b->fd = epoll_create1(EPOLL_CLOEXEC);
    if (b->fd < 0) {
        free(b);
        return NULL;
    }
    return &b->base;
}
