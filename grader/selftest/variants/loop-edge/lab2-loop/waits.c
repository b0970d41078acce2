/* waits.c - how a turn's batch is found: see loop.c. */
#include "inside.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/select.h>

enum { EDGES = 256 };

struct watch *watch_of(const struct loop *loop, int fd)
{
    if (fd >= 0 && (size_t)fd < loop->room && loop->watches[fd].on_event != NULL)
        return &loop->watches[fd];
    errno = ENOENT;
    return NULL;
}

static void note(struct loop *loop, int fd, unsigned events)
{
    struct watch *watch = watch_of(loop, fd);

    if (watch == NULL || (events & watch->wanted) == 0 || watch->entry_of == loop->turn)
        return;
    watch->entry_of = loop->turn;
    loop->batch[loop->found++] = (struct found){fd, events, watch->serial};
}

/* The flags of poll and of epoll are the same numbers. */
static unsigned what_of(unsigned flags)
{
    if (flags & (POLLERR | POLLHUP))
        return LOOP_READ | LOOP_WRITE;
    return (flags & POLLIN ? LOOP_READ : 0U) | (flags & POLLOUT ? LOOP_WRITE : 0U);
}

static void ask_about(struct loop *loop, nfds_t *count, int fd)
{
    const struct watch *watch = watch_of(loop, fd);

    if (watch == NULL || watch->wanted == 0)
        return;
    loop->checked[*count].fd = fd;
    loop->checked[(*count)++].events = (short)((watch->wanted & LOOP_READ ? POLLIN : 0) |
                                               (watch->wanted & LOOP_WRITE ? POLLOUT : 0));
}

static int poll_checked(struct loop *loop, nfds_t count, int timeout_ms)
{
    int n = poll(loop->checked, count, timeout_ms);

    for (nfds_t i = 0; n > 0 && i < count; i++)
        note(loop, loop->checked[i].fd, what_of((unsigned)loop->checked[i].revents));
    return n;
}

int wait_by_poll(struct loop *loop, int timeout_ms)
{
    nfds_t count = 0;

    for (int fd = 0; (size_t)fd < loop->room; fd++)
        ask_about(loop, &count, fd);
    return poll_checked(loop, count, timeout_ms);
}

int wait_by_select(struct loop *loop, int timeout_ms)
{
    struct timeval timeout = {timeout_ms / 1000, (suseconds_t)(timeout_ms % 1000) * 1000};
    fd_set reading, writing;
    int limit = 0;

    FD_ZERO(&reading);
    FD_ZERO(&writing);
    for (int fd = 0; (size_t)fd < loop->room; fd++) {
        unsigned wanted = watch_of(loop, fd) == NULL ? 0 : loop->watches[fd].wanted;
        if (wanted & LOOP_READ)
            FD_SET(fd, &reading);
        if (wanted & LOOP_WRITE)
            FD_SET(fd, &writing);
        if (wanted != 0)
            limit = fd + 1;
    }
    int n = select(limit, &reading, &writing, NULL, timeout_ms < 0 ? NULL : &timeout);
    for (int fd = 0; n > 0 && fd < limit; fd++)
        note(loop, fd,
             (FD_ISSET(fd, &reading) ? LOOP_READ : 0U) |
                 (FD_ISSET(fd, &writing) ? LOOP_WRITE : 0U));
    return n;
}

/* A descriptor that is found not ready needs no further check: its next change is an edge. */
static int settle_doubts(struct loop *loop)
{
    nfds_t count = 0;

    for (size_t i = 0; i < loop->doubtful; i++)
        ask_about(loop, &count, loop->doubts[i]);
    if (count > 0 && poll_checked(loop, count, 0) < 0)
        return -1;
    for (size_t i = 0; i < loop->doubtful; i++)
        loop->watches[loop->doubts[i]].in_doubt = false;
    loop->doubtful = 0;
    return 0;
}

int wait_by_epoll(struct loop *loop, int timeout_ms)
{
    struct epoll_event edges[EDGES];

    if (settle_doubts(loop) < 0)
        return -1;
    int n = epoll_wait(loop->epoll, edges, EDGES, loop->found > 0 ? 0 : timeout_ms);
    for (int i = 0; i < n; i++)
        note(loop, edges[i].data.fd, what_of(edges[i].events));
    /* What was settled must be told, even where the wait was interrupted. */
    return loop->found > 0 ? 0 : n;
}
