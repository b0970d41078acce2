/* loop.c - the loop of loop.h, which is woken by a signal.
 *
 * Nothing is called back while there is still something to find out: a turn first queues all calls,
 * those of timers before those of descriptors, and then works off the queue.
 *
 * A wake is a flag, and a SIGURG for the thread that runs the loop.  This thread blocks the signal
 * but while it waits, so that none comes between the look at the flag and the wait: pselect(2). */
#include "inside.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { NS_PER_MS = 1000000, NS_PER_S = 1000000000 };

/* The slot of a timer that is called by calls[i] is QUEUED + i. */
static const size_t QUEUED = SIZE_MAX / 2;

/* --- descriptors --- */

int loop_add(struct loop *loop, int fd, unsigned events,
             void (*on_event)(void *context, unsigned events), void *context)
{
    if (map_find(&loop->map, fd) != NULL) {
        errno = EEXIST;
        return -1;
    }
    struct entry *entry = map_add(&loop->map, fd);
    if (entry == NULL)
        return -1;
    if (tell_backend(loop, entry, events) < 0) {
        int error = errno;
        map_remove(&loop->map, fd);
        errno = error;
        return -1;
    }
    entry->wanted = events;
    entry->serial = ++loop->serial;
    entry->on_event = on_event;
    entry->context = context;
    return 0;
}

int loop_change(struct loop *loop, int fd, unsigned events)
{
    struct entry *entry = map_find(&loop->map, fd);

    if (entry == NULL || tell_backend(loop, entry, events) < 0)
        return -1;
    entry->wanted = events;
    return 0;
}

void loop_remove(struct loop *loop, int fd)
{
    if (loop_change(loop, fd, 0) == 0)
        map_remove(&loop->map, fd);
}

bool loop_is_edge(const struct loop *loop)
{
    (void)loop;
    return false;
}

/* --- timers --- */

static int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

static void place(struct loop *loop, size_t i, struct loop_timer *timer)
{
    loop->timers[i] = timer;
    timer->slot = i + 1;
}

void loop_clear_timer(struct loop *loop, struct loop_timer *timer)
{
    if (timer->slot >= QUEUED) {
        loop->calls[timer->slot - QUEUED].timer = NULL;
    } else if (timer->slot != 0) {
        loop->timer_count--;
        for (size_t i = timer->slot - 1; i < loop->timer_count; i++)
            place(loop, i, loop->timers[i + 1]);
    }
    timer->slot = 0;
}

static int reserve_timer(struct loop *loop)
{
    size_t room = loop->timer_room * 2 + 8;

    if (loop->timer_count < loop->timer_room)
        return 0;
    struct loop_timer **timers = realloc(loop->timers, room * sizeof(struct loop_timer *));
    if (timers == NULL)
        return -1;
    loop->timers = timers;
    loop->timer_room = room;
    return 0;
}

int loop_set_timer(struct loop *loop, struct loop_timer *timer, int64_t delay_ms)
{
    int64_t now = now_ns(), most = (INT64_MAX - now) / NS_PER_MS;

    if (reserve_timer(loop) < 0)
        return -1;
    loop_clear_timer(loop, timer);
    timer->due_ns = delay_ms < most ? now + delay_ms * NS_PER_MS : INT64_MAX;
    size_t i = loop->timer_count++;
    for (; i > 0 && loop->timers[i - 1]->due_ns <= timer->due_ns; i--)
        place(loop, i, loop->timers[i - 1]);
    place(loop, i, timer);
    return 0;
}

static struct loop_timer *first_timer(const struct loop *loop)
{
    return loop->timer_count == 0 ? NULL : loop->timers[loop->timer_count - 1];
}

/* --- wakes --- */

static void interrupt_wait(int number)
{
    (void)number;
}

void loop_on_wake(struct loop *loop, void (*on_wake)(void *context), void *context)
{
    loop->on_wake = on_wake;
    loop->wake_context = context;
}

/* The first to set the flag sends the signal: it is pending until the thread waits. */
void loop_wake(struct loop *loop)
{
    int error = errno;

    if (!atomic_exchange(&loop->woken, true)) {
        pthread_t runner = atomic_load(&loop->runner);
        if (runner != 0)
            pthread_kill(runner, SIGURG);
    }
    errno = error;
}

/* From now on loop_wake finds this thread; what it did before, the flag says. */
static void become_runner(struct loop *loop)
{
    sigset_t urgent;

    if (atomic_load(&loop->runner) == pthread_self())
        return;
    sigemptyset(&urgent);
    sigaddset(&urgent, SIGURG);
    pthread_sigmask(SIG_BLOCK, &urgent, &loop->awake);
    sigdelset(&loop->awake, SIGURG);
    atomic_store(&loop->runner, pthread_self());
}

/* --- turns --- */

int queue_call(struct loop *loop, struct call call)
{
    if (loop->call_count == loop->call_room) {
        size_t room = loop->call_room * 2 + 16;
        struct call *calls = realloc(loop->calls, room * sizeof *calls);
        if (calls == NULL)
            return -1;
        loop->calls = calls;
        loop->call_room = room;
    }
    loop->calls[loop->call_count++] = call;
    return 0;
}

static int queue_timers(struct loop *loop)
{
    int64_t now = now_ns();

    for (struct loop_timer *t; (t = first_timer(loop)) != NULL && t->due_ns <= now;) {
        if (queue_call(loop, (struct call){.timer = t}) < 0)
            return -1;
        loop_clear_timer(loop, t);
        t->slot = QUEUED + loop->call_count - 1;
    }
    return 0;
}

static void make_call(struct loop *loop, struct call call)
{
    const struct entry *entry = map_find(&loop->map, call.fd);

    if (call.timer != NULL) {
        call.timer->slot = 0;
        call.timer->on_time(call.timer->context);
    } else if (entry != NULL && entry->serial == call.serial && entry->wanted & call.events) {
        entry->on_event(entry->context, entry->wanted & call.events);
    }
}

static const struct timespec *time_left(const struct loop *loop, struct timespec *room)
{
    const struct loop_timer *first = first_timer(loop);
    int64_t left = first == NULL ? 0 : first->due_ns - now_ns();

    if (atomic_load(&loop->woken) || left < 0)
        left = 0;
    else if (first == NULL)
        return NULL;
    *room = (struct timespec){left / NS_PER_S, left % NS_PER_S};
    return room;
}

/* What could not be queued is ready in the next turn too. */
int loop_run_once(struct loop *loop)
{
    struct timespec room;

    become_runner(loop);
    loop->call_count = 0;
    int n = wait_and_queue(loop, time_left(loop, &room));
    if ((n < 0 && errno != EINTR) || queue_timers(loop) < 0)
        return -1;
    if (atomic_exchange(&loop->woken, false) && loop->on_wake != NULL)
        loop->on_wake(loop->wake_context);
    for (size_t i = 0; i < loop->call_count; i++)
        make_call(loop, loop->calls[i]);
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

struct loop *loop_new(const char *backend)
{
    const struct sigaction action = {.sa_handler = interrupt_wait};
    bool is_epoll = strcmp(backend, "epoll") == 0;
    struct loop *loop;

    if (!is_epoll && strcmp(backend, "select") != 0) {
        errno = EINVAL;
        return NULL;
    }
    if ((loop = calloc(1, sizeof *loop)) == NULL)
        return NULL;
    loop->epoll = is_epoll ? epoll_create1(EPOLL_CLOEXEC) : -1;
    if ((!is_epoll || loop->epoll >= 0) && sigaction(SIGURG, &action, NULL) == 0)
        return loop;
    free(loop);
    return NULL;
}

void loop_free(struct loop *loop)
{
    if (loop->epoll >= 0)
        close(loop->epoll);
    map_free(&loop->map);
    free(loop->calls);
    free(loop->timers);
    free(loop);
}
