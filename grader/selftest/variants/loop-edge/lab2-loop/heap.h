/* heap.h - the timers that are set, soonest first: a binary heap whose root is at[1]. */
#ifndef HEAP_H
#define HEAP_H

#include "loop.h"

struct heap {
    struct loop_timer **at; /* the timer at[i] has slot i */
    size_t count, room;
};

/* Puts in a timer that is not in the heap.  -1: ENOMEM. */
int heap_add(struct heap *heap, struct loop_timer *timer);

/* Takes out a timer that is in the heap. */
void heap_remove(struct heap *heap, struct loop_timer *timer);

/* The soonest, or NULL. */
struct loop_timer *heap_first(const struct heap *heap);

#endif
