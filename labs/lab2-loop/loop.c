/* loop.c - the loop of loop.h: all that does not depend on the call that waits.
 *
 * watches   what is asked for, by descriptor
 * timers    what is due when
 * backend   the call that waits: backend.h
 *
 * A turn: the backend fills in the batch of what is ready, and the callbacks run.  While they do,
 * what they remove, close and add anew must not be mixed up with what the rest of the batch says:
 * it speaks of descriptors as they were when the backend returned. */
#include "loop.h"

#include "backend.h"
#include "timers.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

struct watch {
    void (*on_event)(void *context, unsigned events); /* NULL: not watched */
    void *context;
    unsigned events;
};

struct loop {
    struct backend *backend;
    struct watch *watches;
    size_t capacity; /* of watches */
    struct timers timers;
    int wake_fd;
    void (*on_wake)(void *context);
    void *wake_context;
    bool stopped;
    /* Your fields here. */
    struct ready batch[MOST_READY];
};

enum { NS_PER_MS = 1000000, NS_PER_S = 1000000000 };

static int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

/* Stages 2.18, 2.19: "edge" and "poll". */
static struct backend *make_backend(const char *name)
{
    if (strcmp(name, "select") == 0)
        return backend_select();
    if (strcmp(name, "epoll") == 0)
        return backend_epoll(false);
    errno = EINVAL;
    return NULL;
}

/* Stage 2.17: eventfd(2): what does a read give, and what does it change? */
static void take_wakes(void *context, unsigned events)
{
    struct loop *loop = context;

    (void)loop;
    (void)events;
    /* Your code here. */
}

struct loop *loop_new(const char *backend)
{
    struct loop *loop = calloc(1, sizeof *loop);

    if (loop == NULL)
        return NULL;
    loop->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (loop->wake_fd < 0 || (loop->backend = make_backend(backend)) == NULL ||
        loop_add(loop, loop->wake_fd, LOOP_READ, take_wakes, loop) < 0) {
        int error = errno;
        loop_free(loop);
        errno = error;
        return NULL;
    }
    return loop;
}

void loop_free(struct loop *loop)
{
    if (loop->wake_fd >= 0)
        close(loop->wake_fd);
    if (loop->backend != NULL)
        loop->backend->free(loop->backend);
    timers_free(&loop->timers);
    free(loop->watches);
    free(loop);
}

static int reserve(struct loop *loop, size_t fd)
{
    size_t capacity = loop->capacity == 0 ? 64 : loop->capacity;

    while (capacity <= fd)
        capacity *= 2;
    if (capacity == loop->capacity)
        return 0;
    struct watch *watches = realloc(loop->watches, capacity * sizeof *watches);
    if (watches == NULL)
        return -1;
    memset(watches + loop->capacity, 0, (capacity - loop->capacity) * sizeof *watches);
    loop->watches = watches;
    loop->capacity = capacity;
    return 0;
}

static struct watch *find(const struct loop *loop, int fd)
{
    if (fd >= 0 && (size_t)fd < loop->capacity && loop->watches[fd].on_event != NULL)
        return &loop->watches[fd];
    errno = ENOENT;
    return NULL;
}

/* Stage 2.1: reserve makes room for fd.  Stage 2.13: what of an event of this turn's batch,
 * which speaks of another descriptor that had this number? */
int loop_add(struct loop *loop, int fd, unsigned events,
             void (*on_event)(void *context, unsigned events), void *context)
{
    (void)loop;
    (void)fd;
    (void)events;
    (void)on_event;
    (void)context;
    (void)reserve;
    (void)find;
    /* Your code here. */
    errno = ENOSYS;
    return -1;
}

/* Stage 2.3.  Stage 2.18: on edges, it asks again even where nothing changes. */
int loop_change(struct loop *loop, int fd, unsigned events)
{
    (void)loop;
    (void)fd;
    (void)events;
    /* Your code here. */
    errno = ENOSYS;
    return -1;
}

/* Stage 2.1. */
void loop_remove(struct loop *loop, int fd)
{
    (void)loop;
    (void)fd;
    /* Your code here. */
}

bool loop_is_edge(const struct loop *loop)
{
    return loop->backend->is_edge;
}

/* Stage 2.6. */
int loop_set_timer(struct loop *loop, struct loop_timer *timer, int64_t delay_ms)
{
    (void)loop;
    (void)timer;
    (void)delay_ms;
    (void)now_ns;
    /* Your code here. */
    errno = ENOSYS;
    return -1;
}

void loop_clear_timer(struct loop *loop, struct loop_timer *timer)
{
    (void)loop;
    (void)timer;
    /* Your code here. */
}

void loop_on_wake(struct loop *loop, void (*on_wake)(void *context), void *context)
{
    loop->on_wake = on_wake;
    loop->wake_context = context;
}

/* Stage 2.17: write(2).  A signal handler leaves errno as it was: signal-safety(7). */
void loop_wake(struct loop *loop)
{
    (void)loop;
    /* Your code here. */
}

/* Stage 2.6: milliseconds until the first timer is due; -1 where there is none.  Up or down? */
static int timeout_ms(const struct loop *loop)
{
    (void)loop;
    /* Your code here. */
    return -1;
}

/* Stage 2.1: calls back for what was asked for.  Stage 2.13: is this still what it was asked of? */
static void dispatch(struct loop *loop, struct ready ready)
{
    (void)loop;
    (void)ready;
    /* Your code here. */
}

/* Stage 2.6: all that are due.  What if a callback sets one that is due at once? */
static void run_timers(struct loop *loop)
{
    (void)loop;
    /* Your code here. */
}

/* Stage 2.1: the backend waits, and dispatch tells.  Stage 2.6: timers.  Stage 2.15: signals. */
int loop_run_once(struct loop *loop)
{
    (void)loop;
    (void)timeout_ms;
    (void)dispatch;
    (void)run_timers;
    /* Your code here. */
    errno = ENOSYS;
    return -1;
}

int loop_run(struct loop *loop)
{
    loop->stopped = false;
    while (!loop->stopped)
        if (loop_run_once(loop) < 0)
            return -1;
    return 0;
}

void loop_stop(struct loop *loop)
{
    loop->stopped = true;
}
