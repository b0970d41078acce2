/* loop.c - the loop of loop.h over a list of handles.
 *
 * A handle that is removed in a turn stays in memory until the turn is over, as in libuv: whatever
 * still points at it finds it closing, and passes on.  One that is added in a turn is not told of
 * in this turn, since nothing was heard of it.
 *
 * Timers are a list, soonest first.  Wakes come through a pipe. */
#include "loop.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS = 64, NS_PER_MS = 1000000, NS_PER_S = 1000000000 };

struct handle {
    struct handle *next;
    int fd;
    unsigned wanted, told; /* told: what this turn found */
    bool closing;
    void (*on_event)(void *context, unsigned events);
    void *context;
};

struct alarm {
    struct alarm *next;
    struct loop_timer *timer;
};

struct loop {
    int epoll; /* -1: select */
    int wake_in, wake_out;
    struct handle *handles;
    struct alarm *alarms;
    int64_t turn_ns; /* alarms up to this time ring in this turn */
    void (*on_wake)(void *context);
    void *wake_context;
    bool stopped, has_closing;
};

/* --- handles --- */

static struct handle *find(const struct loop *loop, int fd)
{
    for (struct handle *h = loop->handles; h != NULL; h = h->next)
        if (h->fd == fd && !h->closing)
            return h;
    errno = ENOENT;
    return NULL;
}

/* epoll(7) tells of a hang-up even where nothing is asked, so such a handle is taken out. */
static int tell_epoll(const struct loop *loop, struct handle *handle, unsigned wanted)
{
    struct epoll_event event = {.data.ptr = handle};
    int operation = handle->wanted == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;

    if (loop->epoll < 0 || handle->wanted == wanted)
        return 0;
    if (wanted == 0)
        operation = EPOLL_CTL_DEL;
    if (wanted & LOOP_READ)
        event.events |= EPOLLIN;
    if (wanted & LOOP_WRITE)
        event.events |= EPOLLOUT;
    return epoll_ctl(loop->epoll, operation, handle->fd, &event);
}

int loop_add(struct loop *loop, int fd, unsigned events,
             void (*on_event)(void *context, unsigned events), void *context)
{
    if (find(loop, fd) != NULL) {
        errno = EEXIST;
        return -1;
    }
    if (loop->epoll < 0 && fd >= FD_SETSIZE) {
        errno = ERANGE;
        return -1;
    }
    struct handle *handle = calloc(1, sizeof *handle);
    if (handle == NULL)
        return -1;
    handle->fd = fd;
    handle->on_event = on_event;
    handle->context = context;
    if (tell_epoll(loop, handle, events) < 0) {
        int error = errno;
        free(handle);
        errno = error;
        return -1;
    }
    handle->wanted = events;
    handle->next = loop->handles;
    loop->handles = handle;
    return 0;
}

int loop_change(struct loop *loop, int fd, unsigned events)
{
    struct handle *handle = find(loop, fd);

    if (handle == NULL || tell_epoll(loop, handle, events) < 0)
        return -1;
    handle->wanted = events;
    return 0;
}

void loop_remove(struct loop *loop, int fd)
{
    struct handle *handle = find(loop, fd);

    if (handle == NULL)
        return;
    tell_epoll(loop, handle, 0);
    handle->closing = loop->has_closing = true;
}

static void free_closing(struct loop *loop)
{
    if (!loop->has_closing)
        return;
    for (struct handle **at = &loop->handles; *at != NULL;) {
        struct handle *handle = *at;
        if (!handle->closing) {
            at = &handle->next;
            continue;
        }
        *at = handle->next;
        free(handle);
    }
    loop->has_closing = false;
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

/* After those that are due at the same time. */
static void insert(struct loop *loop, struct alarm *alarm)
{
    struct alarm **at = &loop->alarms;

    while (*at != NULL && (*at)->timer->due_ns <= alarm->timer->due_ns)
        at = &(*at)->next;
    alarm->next = *at;
    *at = alarm;
    alarm->timer->slot = 1;
}

/* Takes the timer's alarm out of the list; NULL: it has none. */
static struct alarm *take_out(struct loop *loop, struct loop_timer *timer)
{
    struct alarm **at = &loop->alarms;

    if (timer->slot == 0)
        return NULL;
    while ((*at)->timer != timer)
        at = &(*at)->next;
    struct alarm *alarm = *at;
    *at = alarm->next;
    timer->slot = 0;
    return alarm;
}

int loop_set_timer(struct loop *loop, struct loop_timer *timer, int64_t delay_ms)
{
    struct alarm *alarm = take_out(loop, timer);
    int64_t now = now_ns(), longest = (INT64_MAX - now) / NS_PER_MS;

    if (alarm == NULL && (alarm = malloc(sizeof *alarm)) == NULL)
        return -1;
    alarm->timer = timer;
    timer->due_ns = delay_ms < longest ? now + delay_ms * NS_PER_MS : INT64_MAX;
    if (timer->due_ns <= loop->turn_ns) /* the clock stood still: a later turn all the same */
        timer->due_ns = loop->turn_ns + 1;
    insert(loop, alarm);
    return 0;
}

void loop_clear_timer(struct loop *loop, struct loop_timer *timer)
{
    free(take_out(loop, timer));
}

static void ring(struct loop *loop)
{
    while (loop->alarms != NULL && loop->alarms->timer->due_ns <= loop->turn_ns) {
        struct loop_timer *timer = loop->alarms->timer;
        loop_clear_timer(loop, timer);
        timer->on_time(timer->context);
    }
}

/* --- wakes --- */

static void take_wakes(void *context, unsigned events)
{
    struct loop *loop = context;
    char bytes[512];

    (void)events;
    while (read(loop->wake_out, bytes, sizeof bytes) == sizeof bytes)
        ;
    if (loop->on_wake != NULL)
        loop->on_wake(loop->wake_context);
}

void loop_on_wake(struct loop *loop, void (*on_wake)(void *context), void *context)
{
    loop->on_wake = on_wake;
    loop->wake_context = context;
}

/* A full pipe is no loss: the loop has yet to read it. */
void loop_wake(struct loop *loop)
{
    int error = errno;

    while (write(loop->wake_in, "", 1) < 0 && errno == EINTR)
        ;
    errno = error;
}

/* --- turns --- */

static int wait_by_select(struct loop *loop, int64_t timeout_us)
{
    struct timeval timeout = {timeout_us / 1000000, timeout_us % 1000000};
    fd_set reading, writing;
    int highest = -1;

    FD_ZERO(&reading);
    FD_ZERO(&writing);
    for (const struct handle *h = loop->handles; h != NULL; h = h->next) {
        if (h->wanted & LOOP_READ)
            FD_SET(h->fd, &reading);
        if (h->wanted & LOOP_WRITE)
            FD_SET(h->fd, &writing);
        if (h->wanted != 0 && h->fd > highest)
            highest = h->fd;
    }
    int n = select(highest + 1, &reading, &writing, NULL, timeout_us < 0 ? NULL : &timeout);
    for (struct handle *h = loop->handles; n > 0 && h != NULL; h = h->next)
        h->told = (FD_ISSET(h->fd, &reading) ? LOOP_READ : 0U) |
                  (FD_ISSET(h->fd, &writing) ? LOOP_WRITE : 0U);
    return n;
}

static unsigned meaning(uint32_t events)
{
    if (events & (EPOLLERR | EPOLLHUP))
        return LOOP_READ | LOOP_WRITE;
    return (events & EPOLLIN ? LOOP_READ : 0U) | (events & EPOLLOUT ? LOOP_WRITE : 0U);
}

static int wait_by_epoll(struct loop *loop, int64_t timeout_us)
{
    struct epoll_event events[EVENTS];
    int64_t timeout_ms = timeout_us < 0 ? -1 : (timeout_us + 999) / 1000;

    int n =
        epoll_wait(loop->epoll, events, EVENTS, timeout_ms < INT_MAX ? (int)timeout_ms : INT_MAX);
    for (int i = 0; i < n; i++)
        ((struct handle *)events[i].data.ptr)->told = meaning(events[i].events);
    return n;
}

/* Rounded up; -1: no timer is set.  An hour is long enough to look again. */
static int64_t timeout_us(const struct loop *loop)
{
    const int64_t hour_ns = 3600LL * NS_PER_S;

    if (loop->alarms == NULL)
        return -1;
    int64_t left = loop->alarms->timer->due_ns - now_ns();
    if (left <= 0)
        return 0;
    return ((left < hour_ns ? left : hour_ns) + 999) / 1000;
}

/* What is added meanwhile goes to the front of the list, and was told nothing. */
static void call_back(struct loop *loop)
{
    for (struct handle *h = loop->handles; h != NULL; h = h->next) {
        unsigned events = h->told & h->wanted;
        h->told = 0;
        if (events != 0 && !h->closing)
            h->on_event(h->context, events);
    }
}

int loop_run_once(struct loop *loop)
{
    free_closing(loop);
    int n = loop->epoll < 0 ? wait_by_select(loop, timeout_us(loop))
                            : wait_by_epoll(loop, timeout_us(loop));
    if (n < 0 && errno != EINTR)
        return -1;
    loop->turn_ns = now_ns();
    ring(loop);
    if (n > 0)
        call_back(loop);
    free_closing(loop);
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

static int open_pipe(struct loop *loop)
{
    int ends[2];

    if (pipe2(ends, O_NONBLOCK | O_CLOEXEC) < 0)
        return -1;
    loop->wake_out = ends[0];
    loop->wake_in = ends[1];
    return loop_add(loop, loop->wake_out, LOOP_READ, take_wakes, loop);
}

struct loop *loop_new(const char *backend)
{
    bool is_epoll = strcmp(backend, "epoll") == 0;
    struct loop *loop = NULL;

    if (!is_epoll && strcmp(backend, "select") != 0) {
        errno = EINVAL;
        return NULL;
    }
    if ((loop = calloc(1, sizeof *loop)) == NULL)
        return NULL;
    loop->wake_in = loop->wake_out = -1;
    loop->epoll = is_epoll ? epoll_create1(EPOLL_CLOEXEC) : -1;
    if ((is_epoll && loop->epoll < 0) || open_pipe(loop) < 0) {
        int error = errno;
        loop_free(loop);
        errno = error;
        return NULL;
    }
    return loop;
}

void loop_free(struct loop *loop)
{
    int own[] = {loop->wake_in, loop->wake_out, loop->epoll};

    while (loop->alarms != NULL)
        loop_clear_timer(loop, loop->alarms->timer);
    for (struct handle *h = loop->handles; h != NULL; h = h->next)
        h->closing = loop->has_closing = true;
    free_closing(loop);
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (own[i] >= 0)
            close(own[i]);
    free(loop);
}
