/* oneshot.c - the loop over epoll(7), EPOLLONESHOT: each report disarms its descriptor, which is
 * armed again when its turn comes to an end with something wanted.  So it can't be told of a
 * hang-up for which nobody asked more than once.
 *
 * Time comes as an event too: one timerfd(2), set to the next timer. */
#include "inside.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum { REPORTS = 512 };

static int arm(struct loop *loop, struct slot *slot)
{
    struct epoll_event event = {.events = EPOLLONESHOT, .data.ptr = slot};

    if (!slot->used)
        return epoll_ctl(loop->epoll, EPOLL_CTL_DEL, slot->fd, NULL);
    if (slot->wanted & LOOP_READ)
        event.events |= EPOLLIN | EPOLLRDHUP;
    if (slot->wanted & LOOP_WRITE)
        event.events |= EPOLLOUT;
    slot->armed = true;
    if (slot->since == 0)
        return epoll_ctl(loop->epoll, EPOLL_CTL_ADD, slot->fd, &event);
    return epoll_ctl(loop->epoll, EPOLL_CTL_MOD, slot->fd, &event);
}

/* An alarm that is over stays readable; one that is set to 0 rings never. */
static int set_alarm(const struct loop *loop)
{
    int64_t due = next_due_ns(loop);
    struct itimerspec at = {0};

    if (due < 1)
        due = 1;
    if (due != INT64_MAX) {
        at.it_value.tv_sec = due / 1000000000;
        at.it_value.tv_nsec = due % 1000000000;
    }
    return timerfd_settime(loop->alarm, TFD_TIMER_ABSTIME, &at, NULL);
}

static unsigned told_by(uint32_t events)
{
    unsigned told = 0;

    if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        told |= LOOP_READ;
    if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
        told |= LOOP_WRITE;
    return told;
}

static int wait_for_events(struct loop *loop)
{
    struct epoll_event events[REPORTS];
    int most = loop->capacity < REPORTS ? loop->capacity : REPORTS, count = 0;

    if (set_alarm(loop) < 0)
        return -1;
    int n = epoll_wait(loop->epoll, events, most, -1);
    if (n < 0)
        return -1;
    for (int i = 0; i < n; i++) {
        struct slot *slot = events[i].data.ptr;
        if (slot == NULL) /* the alarm, which the next set_alarm turns off */
            continue;
        slot->told = told_by(events[i].events);
        slot->armed = false;
        loop->reports[count++] = slot;
    }
    return count;
}

int use_epoll(struct loop *loop)
{
    struct epoll_event time = {.events = EPOLLIN};

    loop->arm = arm;
    loop->wait = wait_for_events;
    loop->epoll = epoll_create1(EPOLL_CLOEXEC);
    loop->alarm = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (loop->epoll < 0 || loop->alarm < 0)
        return -1;
    return epoll_ctl(loop->epoll, EPOLL_CTL_ADD, loop->alarm, &time);
}
