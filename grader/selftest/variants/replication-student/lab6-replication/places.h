/* places.h - requests that wait for their replies.
 *
 * Each request has a place in the queue of its client, in the order in which replies have to leave.
 * While it waits it stands in a line as well, with the requests of all clients, in the order in
 * which they came: those of entries have rising indexes there, and one term. */
#ifndef PLACES_H
#define PLACES_H

#include "../lab3-resp/redis.h"
#include "raft_read.h"

struct client;

enum place_state {
    PLACE_WAITING,
    PLACE_KNOWN,   /* it has its reply */
    PLACE_UNKNOWN, /* it gets none: nobody knows what became of it */
};

struct place {
    struct client *client;
    struct place *next; /* in the client's queue */
    enum place_state state;
    struct line *line; /* while it waits */
    struct place *before, *behind;
    int64_t since_ms;
    int32_t index, term;   /* of its entry; of a read: what has to be applied first */
    struct raft_read read; /* of a read that is no entry */
    uint8_t *request;      /* and its bytes, since they are needed later */
    size_t request_len;
    struct redis_client redis; /* as the client was when it asked */
    size_t charge;             /* bytes that it is taken to keep busy */
    uint8_t *reply;
    size_t len, room;
};

struct line {
    struct place *first, *last;
};

/* NULL: no memory. */
struct place *place_new(struct client *client);
void place_free(struct place *place); /* leaves its line */

void place_wait(struct place *place, struct line *line);

/* Leaves its line, with an outcome. */
void place_end(struct place *place, enum place_state state);

/* Adds to its reply; without memory for that the place is unknown. */
void place_put(struct place *place, const void *data, size_t len);

#endif
