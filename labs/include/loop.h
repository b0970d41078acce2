/* loop.h - one thread and many descriptors: sleeps until something can be done without waiting,
 * then calls whoever asked to be told.
 *
 * A loop belongs to the thread that runs it.  Only loop_wake may be called from elsewhere.  Its
 * callbacks may call everything here but loop_run, loop_run_once and loop_free.  A function that
 * returns an int gives 0, or -1 with errno set.  Nothing prints. */
#ifndef LOOP_H
#define LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;

enum { LOOP_READ = 1, LOOP_WRITE = 2 };

/* backend is "select" or "epoll"; as extensions "poll", and "edge" (epoll, edge-triggered).
 * NULL with errno: EINVAL for any other.  loop_free closes no descriptor of the caller's. */
struct loop *loop_new(const char *backend);
void loop_free(struct loop *loop);

/* Calls on_event(context, events) in each turn in which fd can be read or written without waiting:
 * events is what is possible, of what was asked for.  After an error or a hang-up all of it is: the
 * next read or write tells which.  fd is a socket, a pipe or alike, does not block, and stays the
 * caller's.  EEXIST: was added before.  ERANGE: a number too high for this backend (FD_SETSIZE). */
int loop_add(struct loop *loop, int fd, unsigned events,
             void (*on_event)(void *context, unsigned events), void *context);

/* Asks for other events, or none (0): then nothing is told, no hang-up either.  ENOENT: unknown. */
int loop_change(struct loop *loop, int fd, unsigned events);

/* Ends it, before fd is closed.  What this turn still had to tell of fd is dropped, even if another
 * descriptor gets its number and is added meanwhile. */
void loop_remove(struct loop *loop, int fd);

/* True for a loop that tells of an event only once, when it comes ("edge"): a callback then reads
 * or writes until EAGAIN, or calls loop_change, which tells it again if it is still so. */
bool loop_is_edge(const struct loop *loop);

/* A timer of the caller's, who keeps it in place while it is set. */
struct loop_timer {
    void (*on_time)(void *context);
    void *context;
    int64_t due_ns; /* the loop's own: CLOCK_MONOTONIC */
    size_t slot;    /* the loop's own: 0 exactly while it is not set */
};

/* Calls on_time once, delay_ms (0 to 10^12) from now or later, never earlier: clock_gettime(2),
 * CLOCK_MONOTONIC.  One that is set already is moved.  Timers are called in the order of their
 * times; one that on_time sets is called in a later turn.  ENOMEM. */
int loop_set_timer(struct loop *loop, struct loop_timer *timer, int64_t delay_ms);
void loop_clear_timer(struct loop *loop, struct loop_timer *timer);

/* After loop_wake, from any thread or a signal handler, the loop's own thread calls on_wake soon.
 * One call may answer several wakes; none is lost.  on_wake is given before loop_wake is called. */
void loop_on_wake(struct loop *loop, void (*on_wake)(void *context), void *context);
void loop_wake(struct loop *loop);

/* One turn: sleeps until something happens or a timer is due, and calls back for all of it.  A
 * signal may end it early, which is no error.  loop_run: turns until a callback calls loop_stop. */
int loop_run_once(struct loop *loop);
int loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

#endif
