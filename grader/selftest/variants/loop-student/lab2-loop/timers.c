/* timers.c - a binary heap of timers: the children of heap[i] are heap[2i + 1] and heap[2i + 2],
 * and none is sooner than its parent.  Each timer knows its slot, so that it can be taken out or
 * moved in O(log n). */
#include "timers.h"

#include <stdlib.h>

static void put_at(struct timers *timers, size_t i, struct loop_timer *timer)
{
    timers->heap[i] = timer;
    timer->slot = i + 1;
}

/* Finds the place for timer, given that heap[i] is free: first up, then down (at most one of the
 * two moves it). */
static void settle(struct timers *timers, size_t i, struct loop_timer *timer)
{
    struct loop_timer **heap = timers->heap;

    while (i > 0 && timer->due_ns < heap[(i - 1) / 2]->due_ns) {
        put_at(timers, i, heap[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    for (;;) {
        size_t child = 2 * i + 1;
        if (child + 1 < timers->count && heap[child + 1]->due_ns < heap[child]->due_ns)
            child++;
        if (child >= timers->count || heap[child]->due_ns >= timer->due_ns)
            break;
        put_at(timers, i, heap[child]);
        i = child;
    }
    put_at(timers, i, timer);
}

static int grow(struct timers *timers)
{
    size_t capacity = timers->capacity == 0 ? 16 : timers->capacity * 2;
    struct loop_timer **heap = realloc(timers->heap, capacity * sizeof *heap);

    if (heap == NULL)
        return -1;
    timers->heap = heap;
    timers->capacity = capacity;
    return 0;
}

int timers_set(struct timers *timers, struct loop_timer *timer, int64_t due_ns)
{
    if (timer->slot == 0) {
        if (timers->count == timers->capacity && grow(timers) < 0)
            return -1;
        put_at(timers, timers->count++, timer);
    }
    timer->due_ns = due_ns;
    settle(timers, timer->slot - 1, timer);
    return 0;
}

void timers_clear(struct timers *timers, struct loop_timer *timer)
{
    if (timer->slot == 0)
        return;
    struct loop_timer *last = timers->heap[--timers->count];
    if (last != timer)
        settle(timers, timer->slot - 1, last);
    timer->slot = 0;
}

struct loop_timer *timers_first(const struct timers *timers)
{
    return timers->count == 0 ? NULL : timers->heap[0];
}

void timers_free(struct timers *timers)
{
    free(timers->heap);
}
