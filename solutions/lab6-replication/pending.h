/* pending.h - requests that wait for their entries to be applied, in the order of the indexes; and
 * among them reads that have none, each behind all that was proposed before it. */
#ifndef PENDING_H
#define PENDING_H

#include "raft_read.h"
#include "store.h"

struct client;

/* The pair of index and term tells whether an entry is this request's: another leader's may take its
 * index. */
struct pending {
    struct raft_read place; /* of an entry: without seq */
    uint8_t *read;          /* the request's own bytes, from malloc; NULL: it has an entry */
    size_t read_size;
    struct client *client;
    enum dialect dialect;
    size_t cost;    /* bytes that it keeps in memory: of the request, and of its reply */
    int64_t due_ms; /* nobody waits any longer */
};

/* All zero: none. */
struct pendings {
    struct pending *ring;
    size_t capacity; /* a power of two */
    size_t first, count;
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
