/* waits.c - epoll_pwait2(2), with nanoseconds, where the kernel has it; else epoll_pwait(2); and
 * pselect(2).  All let SIGURG in while they wait, and at no other time. */
#include "inside.h"

#include <errno.h>
#include <limits.h>
#include <sys/epoll.h>
#include <sys/select.h>

enum { EVENTS = 300 };

static int query(struct loop *loop, int fd, unsigned events)
{
    const struct entry *entry = map_find(&loop->map, fd);

    if (entry == NULL || (entry->wanted & events) == 0)
        return 0;
    return queue_call(loop, (struct call){.fd = fd, .events = events, .serial = entry->serial});
}

/* --- epoll --- */

static uint32_t asked(unsigned wanted)
{
    return (wanted & LOOP_READ ? EPOLLIN : 0U) | (wanted & LOOP_WRITE ? EPOLLOUT : 0U);
}

static int tell_epoll(const struct loop *loop, const struct entry *entry, unsigned wanted)
{
    struct epoll_event event = {.events = asked(wanted), .data.fd = entry->fd};

    if (wanted == entry->wanted)
        return 0;
    if (wanted == 0) /* or hang-ups would be told */
        return epoll_ctl(loop->epoll, EPOLL_CTL_DEL, entry->fd, NULL);
    return epoll_ctl(loop->epoll, entry->wanted == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, entry->fd,
                     &event);
}

/* Rounded up to milliseconds. */
static int in_ms(const struct timespec *timeout)
{
    if (timeout == NULL)
        return -1;
    if (timeout->tv_sec >= INT_MAX / 1000 - 1)
        return INT_MAX;
    return (int)(timeout->tv_sec * 1000 + (timeout->tv_nsec + 999999) / 1000000);
}

static int wait_by_epoll(struct loop *loop, const struct timespec *timeout)
{
    struct epoll_event events[EVENTS];
    int n = -1;

    if (!loop->no_pwait2) {
        n = epoll_pwait2(loop->epoll, events, EVENTS, timeout, &loop->awake);
        loop->no_pwait2 = n < 0 && (errno == ENOSYS || errno == EPERM);
    }
    if (loop->no_pwait2)
        n = epoll_pwait(loop->epoll, events, EVENTS, in_ms(timeout), &loop->awake);
    for (int i = 0; i < n; i++) {
        unsigned told = (events[i].events & ~(unsigned)EPOLLOUT ? LOOP_READ : 0U) |
                        (events[i].events & ~(unsigned)EPOLLIN ? LOOP_WRITE : 0U);
        if (query(loop, events[i].data.fd, told) < 0)
            return -1;
    }
    return n;
}

/* --- select --- */

struct sets {
    fd_set reading, writing;
    int limit;
};

static void ask(struct sets *sets, const struct entry *entry)
{
    if (entry->wanted & LOOP_READ)
        FD_SET(entry->fd, &sets->reading);
    if (entry->wanted & LOOP_WRITE)
        FD_SET(entry->fd, &sets->writing);
    if (entry->fd >= sets->limit)
        sets->limit = entry->fd + 1;
}

static int wait_by_select(struct loop *loop, const struct timespec *timeout)
{
    struct sets sets = {.limit = 0};

    FD_ZERO(&sets.reading);
    FD_ZERO(&sets.writing);
    for (size_t i = 0; i < loop->map.chain_count; i++)
        for (const struct entry *e = loop->map.chains[i]; e != NULL; e = e->next)
            ask(&sets, e);
    int n = pselect(sets.limit, &sets.reading, &sets.writing, NULL, timeout, &loop->awake);
    for (int fd = 0; n > 0 && fd < sets.limit; fd++) {
        unsigned told = (FD_ISSET(fd, &sets.reading) ? LOOP_READ : 0U) |
                        (FD_ISSET(fd, &sets.writing) ? LOOP_WRITE : 0U);
        if (query(loop, fd, told) < 0)
            return -1;
    }
    return n;
}

/* --- either --- */

int tell_backend(struct loop *loop, const struct entry *entry, unsigned wanted)
{
    if (loop->epoll >= 0)
        return tell_epoll(loop, entry, wanted);
    if (entry->fd < FD_SETSIZE)
        return 0;
    errno = ERANGE;
    return -1;
}

int wait_and_queue(struct loop *loop, const struct timespec *timeout)
{
    return loop->epoll >= 0 ? wait_by_epoll(loop, timeout) : wait_by_select(loop, timeout);
}
