/* pending.h - requests that wait for their entries to be applied, in the order of the indexes; and
 * among them reads that have none, each behind all that was proposed before it. */
#ifndef PENDING_H
#define PENDING_H

#include "raft_read.h"
#include "store.h"

struct client;

/* What has to be known of a request, to tell its entry from another leader's at the same index?  And
 * when it can't be answered any more? */
struct pending {
    struct client *client;
    enum dialect dialect;
    /* Your fields here.  Stage 6.21: and of a read, which has no entry? */
};

/* All zero: none.  Some come at the end and some go at the start, all the time. */
struct pendings {
    size_t count;
    /* Your fields here. */
};

void pendings_free(struct pendings *pendings);

/* Makes room for one more.  False: no memory. */
bool pendings_reserve(struct pendings *pendings);

/* After pendings_reserve; its index is higher than that of all others. */
void pendings_add(struct pendings *pendings, struct pending pending);

/* The first of all; and of those that have an entry.  NULL: there is none.  It stays in place until
 * the next call of another function. */
const struct pending *pendings_first(const struct pendings *pendings);
const struct pending *pendings_first_entry(const struct pendings *pendings);

/* Takes out the first of all. */
struct pending pendings_take(struct pendings *pendings);

#endif
