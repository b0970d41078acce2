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
    uint64_t turn; /* in which it was added: this turn's batch speaks of another descriptor */
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
    uint64_t turn;   /* how many batches there were */
    int64_t turn_ns; /* when the last of them came; timers that are due then run in this turn */
    struct ready batch[MOST_READY];
};

enum { NS_PER_MS = 1000000, NS_PER_S = 1000000000 };

static int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

static struct backend *make_backend(const char *name)
{
    if (strcmp(name, "select") == 0)
        return backend_select();
    if (strcmp(name, "epoll") == 0)
        return backend_epoll(false);
    if (strcmp(name, "edge") == 0)
        return backend_epoll(true);
    if (strcmp(name, "poll") == 0)
        return backend_poll();
    errno = EINVAL;
    return NULL;
}

/* A read takes all wakes at once.  It comes before on_wake looks at what they were for: a wake that
 * comes in between is told again. */
static void take_wakes(void *context, unsigned events)
{
    struct loop *loop = context;
    uint64_t count;

    (void)events;
    while (read(loop->wake_fd, &count, sizeof count) < 0 && errno == EINTR)
        ;
    if (loop->on_wake != NULL)
        loop->on_wake(loop->wake_context);
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

int loop_add(struct loop *loop, int fd, unsigned events,
             void (*on_event)(void *context, unsigned events), void *context)
{
    if (fd < 0) {
        errno = EBADF;
        return -1;
    }
    if (find(loop, fd) != NULL) {
        errno = EEXIST;
        return -1;
    }
    if (reserve(loop, (size_t)fd) < 0 || loop->backend->watch(loop->backend, fd, 0, events) < 0)
        return -1;
    loop->watches[fd] = (struct watch){
        .on_event = on_event,
        .context = context,
        .events = events,
        .turn = loop->turn,
    };
    return 0;
}

int loop_change(struct loop *loop, int fd, unsigned events)
{
    struct watch *watch = find(loop, fd);

    if (watch == NULL)
        return -1;
    if (watch->events == events && !loop_is_edge(loop))
        return 0;
    if (loop->backend->watch(loop->backend, fd, watch->events, events) < 0)
        return -1;
    watch->events = events;
    return 0;
}

void loop_remove(struct loop *loop, int fd)
{
    struct watch *watch = find(loop, fd);

    if (watch == NULL)
        return;
    loop->backend->watch(loop->backend, fd, watch->events, 0);
    *watch = (struct watch){0};
}

bool loop_is_edge(const struct loop *loop)
{
    return loop->backend->is_edge;
}

/* A timer of 0 ms could be due within the same nanosecond as this turn's: it is moved behind. */
int loop_set_timer(struct loop *loop, struct loop_timer *timer, int64_t delay_ms)
{
    int64_t now = now_ns(), due = INT64_MAX;

    if (delay_ms < (INT64_MAX - now) / NS_PER_MS)
        due = now + delay_ms * NS_PER_MS;
    if (due <= loop->turn_ns)
        due = loop->turn_ns + 1;
    return timers_set(&loop->timers, timer, due);
}

void loop_clear_timer(struct loop *loop, struct loop_timer *timer)
{
    timers_clear(&loop->timers, timer);
}

void loop_on_wake(struct loop *loop, void (*on_wake)(void *context), void *context)
{
    loop->on_wake = on_wake;
    loop->wake_context = context;
}

/* The counter overflows at 2^64 - 2; before that, every write is taken.  (EAGAIN would be a wake
 * too: the counter isn't 0.)  errno stays, for a signal handler's sake. */
void loop_wake(struct loop *loop)
{
    int error = errno;
    uint64_t one = 1;

    while (write(loop->wake_fd, &one, sizeof one) < 0 && errno == EINTR)
        ;
    errno = error;
}

/* Milliseconds until the first timer is due, rounded up; -1 where there is none. */
static int timeout_ms(const struct loop *loop)
{
    const struct loop_timer *first = timers_first(&loop->timers);

    if (first == NULL)
        return -1;
    int64_t left_ns = first->due_ns - now_ns();
    if (left_ns <= 0)
        return 0;
    int64_t left_ms = left_ns / NS_PER_MS + (left_ns % NS_PER_MS != 0);
    return left_ms < INT_MAX ? (int)left_ms : INT_MAX;
}

/* What is asked for now counts, and not what was when the batch came. */
static void dispatch(struct loop *loop, struct ready ready)
{
    const struct watch *watch = find(loop, ready.fd);

    if (watch == NULL || watch->turn == loop->turn || (watch->events & ready.events) == 0)
        return;
    watch->on_event(watch->context, watch->events & ready.events);
}

static void run_timers(struct loop *loop)
{
    struct loop_timer *first;

    while ((first = timers_first(&loop->timers)) != NULL && first->due_ns <= loop->turn_ns) {
        timers_clear(&loop->timers, first);
        first->on_time(first->context);
    }
}

int loop_run_once(struct loop *loop)
{
    int count = loop->backend->wait(loop->backend, timeout_ms(loop), loop->batch);

    if (count < 0 && errno != EINTR)
        return -1;
    loop->turn++;
    loop->turn_ns = now_ns();
    for (int i = 0; i < count; i++)
        dispatch(loop, loop->batch[i]);
    run_timers(loop);
    return 0;
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
