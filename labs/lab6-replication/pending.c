/* pending.c - the queue of pending.h.
 *
 * Entries are applied in the order in which they were proposed.  So who is looked for when one comes
 * back, and where does that one stand? */
#include "pending.h"

#include <stdlib.h>

/* Stage 6.17. */
void pendings_free(struct pendings *pendings)
{
    (void)pendings;
    /* Your code here. */
}

/* Stage 6.17: why is there to be room before something is proposed, and not only after? */
bool pendings_reserve(struct pendings *pendings)
{
    (void)pendings;
    /* Your code here. */
    return false;
}

/* Stage 6.17. */
void pendings_add(struct pendings *pendings, struct pending pending)
{
    (void)pendings;
    (void)pending;
    /* Your code here. */
}

/* Stage 6.17. */
const struct pending *pendings_first(const struct pendings *pendings)
{
    (void)pendings;
    /* Your code here. */
    return NULL;
}

/* Stage 6.21: without reads that have no entry, it is the first of all. */
const struct pending *pendings_first_entry(const struct pendings *pendings)
{
    return pendings_first(pendings);
}

/* Stage 6.17. */
struct pending pendings_take(struct pendings *pendings)
{
    (void)pendings;
    /* Your code here. */
    return (struct pending){0};
}
