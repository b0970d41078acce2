/* loop.c - the loop of loop.h; oneshot.c and rounds.c wait for it. */
#include "inside.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum { NS_PER_MS = 1000000, NS_PER_S = 1000000000 };

/* --- descriptors --- */

static struct slot *slot_of(const struct loop *loop, int fd)
{
    if (fd >= 0 && fd < loop->capacity && loop->slots[fd] != NULL && loop->slots[fd]->used)
        return loop->slots[fd];
    errno = ENOENT;
    return NULL;
}

static int make_room(struct loop *loop, int fd)
{
    int capacity = fd + 1 > 2 * loop->capacity ? fd + 1 : 2 * loop->capacity;

    if (fd < loop->capacity)
        return 0;
    struct slot **slots = realloc(loop->slots, (size_t)capacity * sizeof(struct slot *));
    if (slots == NULL)
        return -1;
    loop->slots = slots;
    struct slot **reports = realloc(loop->reports, (size_t)capacity * sizeof(struct slot *));
    if (reports == NULL)
        return -1;
    loop->reports = reports;
    for (int i = loop->capacity; i < capacity; i++)
        loop->slots[i] = NULL;
    loop->capacity = capacity;
    return 0;
}

int loop_add(struct loop *loop, int fd, unsigned events,
             void (*on_event)(void *context, unsigned events), void *context)
{
    if (slot_of(loop, fd) != NULL) {
        errno = EEXIST;
        return -1;
    }
    if (fd < 0) {
        errno = EBADF;
        return -1;
    }
    if (make_room(loop, fd) < 0 ||
        (loop->slots[fd] == NULL && (loop->slots[fd] = malloc(sizeof(struct slot))) == NULL))
        return -1;
    struct slot *slot = loop->slots[fd];
    *slot = (struct slot){.fd = fd, .used = true, .wanted = events};
    if (loop->arm(loop, slot) < 0) {
        slot->used = false;
        return -1;
    }
    slot->since = loop->turn;
    slot->on_event = on_event;
    slot->context = context;
    return 0;
}

int loop_change(struct loop *loop, int fd, unsigned events)
{
    struct slot *slot = slot_of(loop, fd);

    if (slot == NULL)
        return -1;
    slot->wanted = events;
    return loop->arm(loop, slot);
}

void loop_remove(struct loop *loop, int fd)
{
    struct slot *slot = slot_of(loop, fd);

    if (slot == NULL)
        return;
    slot->used = false;
    loop->arm(loop, slot);
}

bool loop_is_edge(const struct loop *loop)
{
    (void)loop;
    return false;
}

/* --- timers --- */

int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

static struct loop_timer *next_timer(const struct loop *loop)
{
    struct loop_timer *next = NULL;

    for (size_t i = 0; i < loop->timer_count; i++)
        if (next == NULL || loop->timers[i]->due_ns < next->due_ns)
            next = loop->timers[i];
    return next;
}

int64_t next_due_ns(const struct loop *loop)
{
    const struct loop_timer *next = next_timer(loop);

    return next == NULL ? INT64_MAX : next->due_ns;
}

int loop_set_timer(struct loop *loop, struct loop_timer *timer, int64_t delay_ms)
{
    int64_t now = now_ns(), longest = (INT64_MAX - now) / NS_PER_MS - 1;

    if (timer->slot == 0 && loop->timer_count == loop->timer_room) {
        size_t room = loop->timer_room + 64;
        struct loop_timer **timers = realloc(loop->timers, room * sizeof(struct loop_timer *));
        if (timers == NULL)
            return -1;
        loop->timers = timers;
        loop->timer_room = room;
    }
    if (timer->slot == 0) {
        loop->timers[loop->timer_count] = timer;
        timer->slot = ++loop->timer_count;
    }
    timer->due_ns = now + (delay_ms < longest ? delay_ms : longest) * NS_PER_MS;
    if (timer->due_ns <= loop->turn_ns) /* not in this turn, however fast we are */
        timer->due_ns = loop->turn_ns + 1;
    return 0;
}

/* The last one takes its place. */
void loop_clear_timer(struct loop *loop, struct loop_timer *timer)
{
    if (timer->slot == 0)
        return;
    struct loop_timer *last = loop->timers[--loop->timer_count];
    loop->timers[timer->slot - 1] = last;
    last->slot = timer->slot;
    timer->slot = 0;
}

static void run_timers(struct loop *loop)
{
    struct loop_timer *next;

    while ((next = next_timer(loop)) != NULL && next->due_ns <= loop->turn_ns) {
        loop_clear_timer(loop, next);
        next->on_time(next->context);
    }
}

/* --- wakes --- */

static void on_wakes(void *context, unsigned events)
{
    struct loop *loop = context;
    eventfd_t count;

    (void)events;
    if (eventfd_read(loop->wake, &count) == 0 && loop->on_wake != NULL)
        loop->on_wake(loop->wake_context);
}

void loop_on_wake(struct loop *loop, void (*on_wake)(void *context), void *context)
{
    loop->on_wake = on_wake;
    loop->wake_context = context;
}

void loop_wake(struct loop *loop)
{
    const uint64_t one = 1;
    int error = errno;
    ssize_t n;

    do
        n = write(loop->wake, &one, sizeof one);
    while (n < 0 && errno == EINTR);
    errno = error;
}

/* --- turns --- */

static void report(struct loop *loop, struct slot *slot)
{
    unsigned events = slot->told & slot->wanted;

    if (slot->used && slot->since != loop->turn && events != 0)
        slot->on_event(slot->context, events);
}

int loop_run_once(struct loop *loop)
{
    int result = 0;

    loop->turn++;
    int count = loop->wait(loop);
    if (count < 0)
        return errno == EINTR ? 0 : -1;
    loop->turn_ns = now_ns();
    run_timers(loop);
    for (int i = 0; i < count; i++)
        report(loop, loop->reports[i]);
    /* What was reported is disarmed now, unless its callback asked for something else. */
    for (int i = 0; i < count; i++) {
        struct slot *slot = loop->reports[i];
        if (slot->used && !slot->armed && slot->wanted != 0 && loop->arm(loop, slot) < 0)
            result = -1;
    }
    return result;
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

struct loop *loop_new(const char *backend)
{
    bool selects = strcmp(backend, "select") == 0;
    struct loop *loop;

    errno = EINVAL;
    if (!selects && strcmp(backend, "epoll") != 0)
        return NULL;
    if ((loop = calloc(1, sizeof *loop)) == NULL)
        return NULL;
    loop->turn = 1;
    loop->epoll = loop->alarm = -1;
    loop->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (loop->wake >= 0 && (selects ? use_select(loop) : use_epoll(loop)) == 0 &&
        loop_add(loop, loop->wake, LOOP_READ, on_wakes, loop) == 0)
        return loop;
    int error = errno;
    loop_free(loop);
    errno = error;
    return NULL;
}

void loop_free(struct loop *loop)
{
    const int own[] = {loop->wake, loop->alarm, loop->epoll};

    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
        if (own[i] >= 0)
            close(own[i]);
    for (int fd = 0; fd < loop->capacity; fd++)
        free(loop->slots[fd]);
    free(loop->slots);
    free(loop->reports);
    free(loop->timers);
    free(loop);
}
