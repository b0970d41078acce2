/* loop.c - the loop of loop.h.  Inside, epoll is edge-triggered under both of its names.
 *
 * A descriptor is told to epoll once, with EPOLLET, and not again until it goes.  So an edge means
 * no more than "look at this one".  Whatever may be ready without an edge to come is in doubt:
 * each descriptor that was told of (where the loop is level-triggered), and each of which something
 * new is asked.  One poll(2) at the start of a turn settles all doubts.
 *
 * Where every descriptor is always in doubt, this is the loop over poll; with select(2) in place of
 * it, the one over select. */
#include "loop.h"

#include "inside.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <time.h>
#include <unistd.h>

static int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void doubt(struct loop *loop, int fd)
{
    if (loop->backend >= EPOLL && !loop->watches[fd].in_doubt) {
        loop->watches[fd].in_doubt = true;
        loop->doubts[loop->doubtful++] = fd;
    }
}

/* --- descriptors --- */

#define GROW(array, room) grow((void **)&(array), (room) * sizeof *(array))

static bool grow(void **array, size_t size)
{
    void *larger = realloc(*array, size);

    if (larger != NULL)
        *array = larger;
    return larger != NULL;
}

static int make_room(struct loop *loop, int fd)
{
    size_t room = loop->room == 0 ? 32 : loop->room;

    while (room <= (size_t)fd)
        room *= 2;
    if (room == loop->room)
        return 0;
    if (!GROW(loop->watches, room) || !GROW(loop->batch, room) || !GROW(loop->checked, room) ||
        !GROW(loop->doubts, room))
        return -1;
    memset(loop->watches + loop->room, 0, (room - loop->room) * sizeof *loop->watches);
    loop->room = room;
    return 0;
}

int loop_add(struct loop *loop, int fd, unsigned events,
             void (*on_event)(void *context, unsigned events), void *context)
{
    struct epoll_event edges = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.fd = fd};

    if (fd < 0 || watch_of(loop, fd) != NULL) {
        errno = fd < 0 ? EBADF : EEXIST;
        return -1;
    }
    if (loop->backend == SELECT && fd >= FD_SETSIZE) {
        errno = ERANGE;
        return -1;
    }
    if (make_room(loop, fd) < 0)
        return -1;
    if (loop->backend >= EPOLL && epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &edges) < 0)
        return -1;
    struct watch *watch = &loop->watches[fd];
    watch->on_event = on_event;
    watch->context = context;
    watch->wanted = events;
    watch->serial = ++loop->serial;
    watch->entry_of = 0;
    return 0;
}

int loop_change(struct loop *loop, int fd, unsigned events)
{
    struct watch *watch = watch_of(loop, fd);

    if (watch == NULL)
        return -1;
    watch->wanted = events;
    if (events != 0)
        doubt(loop, fd);
    return 0;
}

void loop_remove(struct loop *loop, int fd)
{
    struct watch *watch = watch_of(loop, fd);

    if (watch == NULL)
        return;
    if (loop->backend >= EPOLL)
        epoll_ctl(loop->epoll, EPOLL_CTL_DEL, fd, NULL);
    watch->on_event = NULL;
}

bool loop_is_edge(const struct loop *loop)
{
    return loop->backend == EDGE;
}

/* --- timers --- */

/* In a callback, "now" is later than the turn's time: what is set there waits for another turn. */
int loop_set_timer(struct loop *loop, struct loop_timer *timer, int64_t delay_ms)
{
    int64_t now = now_ns(), most = (INT64_MAX - now) / 1000000 - 1;

    loop_clear_timer(loop, timer);
    timer->due_ns = now + (delay_ms < most ? delay_ms : most) * 1000000;
    if (timer->due_ns <= loop->turn_ns)
        timer->due_ns = loop->turn_ns + 1;
    return heap_add(&loop->timers, timer);
}

void loop_clear_timer(struct loop *loop, struct loop_timer *timer)
{
    if (timer->slot != 0)
        heap_remove(&loop->timers, timer);
}

/* Rounded up: a turn that comes too early would be followed by many with nothing to do. */
static int timeout_ms(const struct loop *loop)
{
    const struct loop_timer *first = heap_first(&loop->timers);

    if (first == NULL)
        return -1;
    int64_t left = first->due_ns - now_ns();
    if (left <= 0)
        return 0;
    return left / 1000000 >= INT_MAX ? INT_MAX : (int)((left + 999999) / 1000000);
}

static void run_timers(struct loop *loop)
{
    struct loop_timer *first;

    while ((first = heap_first(&loop->timers)) != NULL && first->due_ns <= loop->turn_ns) {
        heap_remove(&loop->timers, first);
        first->on_time(first->context);
    }
}

/* --- wakes --- */

static void take_wakes(void *context, unsigned events)
{
    struct loop *loop = context;
    uint64_t count;

    (void)events;
    if (read(loop->wake, &count, sizeof count) == sizeof count && loop->on_wake != NULL)
        loop->on_wake(loop->wake_context);
    else
        loop_change(loop, loop->wake, LOOP_READ); /* interrupted: it must be told again */
}

void loop_on_wake(struct loop *loop, void (*on_wake)(void *context), void *context)
{
    loop->on_wake = on_wake;
    loop->wake_context = context;
}

void loop_wake(struct loop *loop)
{
    int error = errno;
    uint64_t one = 1;

    while (write(loop->wake, &one, sizeof one) < 0 && errno == EINTR)
        ;
    errno = error;
}

/* --- turns --- */

static void dispatch(struct loop *loop, struct found found)
{
    struct watch *watch = watch_of(loop, found.fd);

    if (watch == NULL || watch->serial != found.serial || (watch->wanted & found.events) == 0)
        return;
    if (loop->backend == EPOLL)
        doubt(loop, found.fd);
    watch->on_event(watch->context, watch->wanted & found.events);
}

int loop_run_once(struct loop *loop)
{
    static int (*const waits[])(struct loop *, int) = {
        [SELECT] = wait_by_select,
        [POLL] = wait_by_poll,
        [EPOLL] = wait_by_epoll,
        [EDGE] = wait_by_epoll,
    };

    loop->turn++;
    loop->found = 0;
    if (waits[loop->backend](loop, timeout_ms(loop)) < 0 && errno != EINTR)
        return -1;
    loop->turn_ns = now_ns();
    for (size_t i = 0; i < loop->found; i++)
        dispatch(loop, loop->batch[i]);
    run_timers(loop);
    return 0;
}

int loop_run(struct loop *loop)
{
    for (loop->stopped = false; !loop->stopped;)
        if (loop_run_once(loop) < 0)
            return -1;
    return 0;
}

void loop_stop(struct loop *loop)
{
    loop->stopped = true;
}

struct loop *loop_new(const char *backend)
{
    static const char *const names[] = {"select", "poll", "epoll", "edge"};
    struct loop *loop = calloc(1, sizeof *loop);
    unsigned b = 0;

    if (loop == NULL)
        return NULL;
    while (b <= EDGE && strcmp(backend, names[b]) != 0)
        b++;
    loop->backend = b;
    loop->epoll = loop->wake = -1;
    if (b > EDGE)
        errno = EINVAL;
    else if ((loop->epoll = epoll_create1(EPOLL_CLOEXEC)) >= 0 &&
             (loop->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) >= 0 &&
             loop_add(loop, loop->wake, LOOP_READ, take_wakes, loop) == 0)
        return loop;
    int error = errno;
    loop_free(loop);
    errno = error;
    return NULL;
}

void loop_free(struct loop *loop)
{
    if (loop->wake >= 0)
        close(loop->wake);
    if (loop->epoll >= 0)
        close(loop->epoll);
    free(loop->timers.at);
    free(loop->watches);
    free(loop->batch);
    free(loop->checked);
    free(loop->doubts);
    free(loop);
}
