/* timers.h - the timers of a loop that are set, soonest first: a binary heap. */
#ifndef TIMERS_H
#define TIMERS_H

#include "loop.h"

/* All zero: empty. */
struct timers {
    struct loop_timer **heap; /* heap[0] is the soonest; the timer at heap[i] has slot i + 1 */
    size_t count, capacity;
};

/* Sets timer to be due at due_ns, or moves it there.  -1: ENOMEM. */
int timers_set(struct timers *timers, struct loop_timer *timer, int64_t due_ns);

/* No effect on a timer that is not set. */
void timers_clear(struct timers *timers, struct loop_timer *timer);

/* The soonest timer, or NULL. */
struct loop_timer *timers_first(const struct timers *timers);

/* Frees the heap; the timers are their owners'. */
void timers_free(struct timers *timers);

#endif
