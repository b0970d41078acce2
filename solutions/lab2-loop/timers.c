/* timers.c - a binary heap of timers: the children of heap[i] are heap[2i + 1] and heap[2i + 2],
 * and none is sooner than its parent.  Each timer knows its slot, so that it can be taken out or
 * moved in O(log n). */
#include "timers.h"

#include <stdlib.h>

static void place(struct timers *timers, size_t at, struct loop_timer *timer)
{
    timers->heap[at] = timer;
    timer->slot = at + 1;
}

/* The place at is free, and so is the way up from there: moves later parents down into it. */
static size_t sift_up(struct timers *timers, size_t at, int64_t due_ns)
{
    while (at > 0 && timers->heap[(at - 1) / 2]->due_ns > due_ns) {
        place(timers, at, timers->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    return at;
}

static size_t sooner_child(const struct timers *timers, size_t at)
{
    size_t left = 2 * at + 1, right = left + 1;

    if (right < timers->count && timers->heap[right]->due_ns < timers->heap[left]->due_ns)
        return right;
    return left;
}

static size_t sift_down(struct timers *timers, size_t at, int64_t due_ns)
{
    for (;;) {
        size_t child = sooner_child(timers, at);
        if (child >= timers->count || timers->heap[child]->due_ns >= due_ns)
            return at;
        place(timers, at, timers->heap[child]);
        at = child;
    }
}

/* Puts timer where it belongs, now that the place at is free. */
static void settle(struct timers *timers, size_t at, struct loop_timer *timer)
{
    at = sift_up(timers, at, timer->due_ns);
    place(timers, sift_down(timers, at, timer->due_ns), timer);
}

static int reserve(struct timers *timers)
{
    if (timers->count < timers->capacity)
        return 0;
    size_t capacity = timers->capacity == 0 ? 16 : 2 * timers->capacity;
    struct loop_timer **heap = realloc(timers->heap, capacity * sizeof(struct loop_timer *));
    if (heap == NULL)
        return -1;
    timers->heap = heap;
    timers->capacity = capacity;
    return 0;
}

int timers_set(struct timers *timers, struct loop_timer *timer, int64_t due_ns)
{
    if (timer->slot == 0 && reserve(timers) < 0)
        return -1;
    size_t at = timer->slot == 0 ? timers->count++ : timer->slot - 1;
    timer->due_ns = due_ns;
    settle(timers, at, timer);
    return 0;
}

void timers_clear(struct timers *timers, struct loop_timer *timer)
{
    if (timer->slot == 0)
        return;
    size_t at = timer->slot - 1;
    struct loop_timer *last = timers->heap[--timers->count];
    timer->slot = 0;
    if (last != timer)
        settle(timers, at, last);
}

struct loop_timer *timers_first(const struct timers *timers)
{
    return timers->count == 0 ? NULL : timers->heap[0];
}

void timers_free(struct timers *timers)
{
    free(timers->heap);
}
