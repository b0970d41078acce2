/* heap.c - the binary heap of heap.h. */
#include "heap.h"

#include <stdlib.h>

static void put(struct heap *heap, size_t slot, struct loop_timer *timer)
{
    heap->at[slot] = timer;
    timer->slot = slot;
}

/* Finds timer a place at slot or above: later parents move down. */
static void rise(struct heap *heap, size_t slot, struct loop_timer *timer)
{
    for (; slot > 1 && heap->at[slot / 2]->due_ns > timer->due_ns; slot /= 2)
        put(heap, slot, heap->at[slot / 2]);
    put(heap, slot, timer);
}

/* Moves the hole at slot to the bottom, along the sooner children; returns where it ends. */
static size_t sink_hole(struct heap *heap, size_t slot)
{
    for (size_t child; (child = 2 * slot) <= heap->count; slot = child) {
        if (child < heap->count && heap->at[child + 1]->due_ns < heap->at[child]->due_ns)
            child++;
        put(heap, slot, heap->at[child]);
    }
    return slot;
}

int heap_add(struct heap *heap, struct loop_timer *timer)
{
    if (heap->count + 1 >= heap->room) {
        size_t room = heap->room == 0 ? 16 : heap->room * 2;
        struct loop_timer **at = realloc(heap->at, room * sizeof(struct loop_timer *));
        if (at == NULL)
            return -1;
        heap->at = at;
        heap->room = room;
    }
    rise(heap, ++heap->count, timer);
    return 0;
}

void heap_remove(struct heap *heap, struct loop_timer *timer)
{
    size_t hole = timer->slot;
    struct loop_timer *last = heap->at[heap->count--];

    timer->slot = 0;
    if (last != timer)
        rise(heap, sink_hole(heap, hole), last);
}

struct loop_timer *heap_first(const struct heap *heap)
{
    return heap->count == 0 ? NULL : heap->at[1];
}
