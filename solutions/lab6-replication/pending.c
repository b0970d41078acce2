/* pending.c - the queue of pending.h: a ring that doubles when it is full. */
#include "pending.h"

#include <stdlib.h>

enum { FIRST_CAPACITY = 64 };

static struct pending *at(const struct pendings *p, size_t place)
{
    return &p->ring[(p->first + place) & (p->capacity - 1)];
}

void pendings_free(struct pendings *pendings)
{
    free(pendings->ring);
    *pendings = (struct pendings){0};
}

bool pendings_reserve(struct pendings *pendings)
{
    size_t capacity = pendings->capacity == 0 ? FIRST_CAPACITY : 2 * pendings->capacity;

    if (pendings->count < pendings->capacity)
        return true;
    struct pending *ring = malloc(capacity * sizeof *ring);
    if (ring == NULL)
        return false;
    for (size_t i = 0; i < pendings->count; i++)
        ring[i] = *at(pendings, i);
    free(pendings->ring);
    pendings->ring = ring;
    pendings->capacity = capacity;
    pendings->first = 0;
    return true;
}

void pendings_add(struct pendings *pendings, struct pending pending)
{
    *at(pendings, pendings->count++) = pending;
}

const struct pending *pendings_first(const struct pendings *pendings)
{
    return pendings->count > 0 ? at(pendings, 0) : NULL;
}

const struct pending *pendings_first_entry(const struct pendings *pendings)
{
    for (size_t i = 0; i < pendings->count; i++)
        if (at(pendings, i)->read == NULL)
            return at(pendings, i);
    return NULL;
}

struct pending pendings_take(struct pendings *pendings)
{
    struct pending first = *at(pendings, 0);

    pendings->first = (pendings->first + 1) & (pendings->capacity - 1);
    pendings->count--;
    return first;
}
