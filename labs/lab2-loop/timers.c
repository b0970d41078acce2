/* timers.c - a binary heap of timers: the children of heap[i] are heap[2i + 1] and heap[2i + 2],
 * and none is sooner than its parent.  Each timer knows its slot, so that it can be taken out or
 * moved in O(log n). */
#include "timers.h"

#include <errno.h>
#include <stdlib.h>

/* Stage 2.6: a new timer goes to the end of the heap, one that is set stays where it is; then it
 * moves up or down until no child is sooner than its parent.  Its slot moves with it. */
int timers_set(struct timers *timers, struct loop_timer *timer, int64_t due_ns)
{
    (void)timers;
    (void)timer;
    (void)due_ns;
    /* Your code here. */
    errno = ENOSYS;
    return -1;
}

/* Stage 2.6: the last one takes the place of the one that goes, and finds its way from there: up
 * or down? */
void timers_clear(struct timers *timers, struct loop_timer *timer)
{
    (void)timers;
    (void)timer;
    /* Your code here. */
}

/* Stage 2.6. */
struct loop_timer *timers_first(const struct timers *timers)
{
    (void)timers;
    /* Your code here. */
    return NULL;
}

void timers_free(struct timers *timers)
{
    free(timers->heap);
}
