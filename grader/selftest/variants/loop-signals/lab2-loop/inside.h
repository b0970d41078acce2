/* inside.h - what loop.c and waits.c share. */
#ifndef INSIDE_H
#define INSIDE_H

#include "map.h"

#include <signal.h>
#include <stdatomic.h>
#include <time.h>

/* A callback that is due: of a timer, or of the descriptor that had this serial. */
struct call {
    struct loop_timer *timer; /* NULL: none, or it was cleared */
    int fd;
    unsigned events;
    uint64_t serial;
};

struct loop {
    int epoll; /* -1: select */
    bool no_pwait2;
    struct map map;
    uint64_t serial;
    struct call *calls; /* what this turn has to do */
    size_t call_count, call_room;
    struct loop_timer **timers; /* soonest last; that of slot n is timers[n - 1] */
    size_t timer_count, timer_room;
    int64_t turn_ns;
    atomic_bool woken;
    atomic_ulong runner; /* the thread that runs the loop; 0: none did so far */
    sigset_t awake;      /* its signal mask while it waits */
    void (*on_wake)(void *context);
    void *wake_context;
    bool stopped;
};

/* Tells epoll what is wanted of the entry from now on.  -1 with errno. */
int tell_backend(struct loop *loop, const struct entry *entry, unsigned wanted);

/* Sleeps for at most that long (NULL: for ever) and queues a call for each descriptor that is
 * ready.  -1 with errno. */
int wait_and_queue(struct loop *loop, const struct timespec *timeout);

/* -1: ENOMEM. */
int queue_call(struct loop *loop, struct call call);

#endif
