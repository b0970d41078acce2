/* loop_epoll.c - the loop over epoll(7), level-triggered or edge-triggered.
 *
 * The kernel keeps the interest: what changes is told by epoll_ctl(2), and epoll_wait(2) answers
 * with what is ready and nothing else.  A hang-up is told even to those who asked for nothing, so a
 * descriptor without interest is taken out. */
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

static int watch(struct backend *backend, int fd, unsigned before, unsigned after)
{
    struct epoll_backend *b = (struct epoll_backend *)backend;
    struct epoll_event event = {.data.fd = fd};
    int operation = before == 0 ? EPOLL_CTL_ADD : after == 0 ? EPOLL_CTL_DEL : EPOLL_CTL_MOD;

    if (before == 0 && after == 0)
        return 0;
    event.events = ((after & LOOP_READ) != 0 ? (uint32_t)EPOLLIN : 0) |
                   ((after & LOOP_WRITE) != 0 ? (uint32_t)EPOLLOUT : 0) |
                   (b->base.is_edge ? (uint32_t)EPOLLET : 0);
    return epoll_ctl(b->fd, operation, fd, &event);
}

static struct ready ready_of(const struct epoll_event *event)
{
    uint32_t broken = event->events & (EPOLLERR | EPOLLHUP);
    struct ready ready = {.fd = event->data.fd};

    if ((event->events & EPOLLIN) != 0 || broken != 0)
        ready.events |= LOOP_READ;
    if ((event->events & EPOLLOUT) != 0 || broken != 0)
        ready.events |= LOOP_WRITE;
    return ready;
}

static int wait_ready(struct backend *backend, int timeout_ms, struct ready *ready)
{
    struct epoll_backend *b = (struct epoll_backend *)backend;
    int count = epoll_wait(b->fd, b->events, MOST_READY, timeout_ms);

    for (int i = 0; i < count; i++)
        ready[i] = ready_of(&b->events[i]);
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
    struct epoll_backend *b = malloc(sizeof *b);

    if (b == NULL)
        return NULL;
    b->base = (struct backend){watch, wait_ready, free_backend, edge};
    b->fd = epoll_create1(EPOLL_CLOEXEC);
    if (b->fd < 0) {
        int error = errno;
        free(b);
        errno = error;
        return NULL;
    }
    return &b->base;
}
