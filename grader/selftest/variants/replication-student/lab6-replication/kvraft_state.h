/* kvraft_state.h - what the two parts of kvraft.h share: kvraft.c (entries, and who waits for them)
 * and kvraft_clients.c (connections: requests in, replies out). */
#ifndef KVRAFT_STATE_H
#define KVRAFT_STATE_H

#include "kvraft.h"

#include "places.h"
#include "request_size.h"
#include "resp2.h"
#include "store.h"

/* A connection's context.  One of the two parsers is NULL. */
struct client {
    struct kvraft *kvraft;
    struct client *before, *behind; /* of all clients */
    struct client *next_ready;
    struct connection *connection; /* NULL: it has left */
    struct resp_parser *parser;
    struct resp2_parser *parser2;
    struct request_size size; /* of the request that comes */
    struct redis_client redis;
    struct place *first, *last; /* its queue */
    size_t charge;              /* of all places in it */
    int32_t last_index;         /* of its latest entry */
    bool asks_no_more;          /* when the queue is empty, this is the end */
    bool is_paused;
    bool is_ready; /* is in the list of those, or being served from there */
};

struct kvraft {
    struct loop *loop;
    struct kvraft_config config;
    struct kvraft_server server;
    struct store *store;
    int32_t applied;
    struct line entries, reads; /* what waits */
    struct loop_timer timer;    /* set for the first of them that has waited too long */
    struct client *clients, *ready;
    struct replies results; /* into a place, or to nobody */
    struct replies output;  /* to a connection */
};

/* --- kvraft.c --- */

/* Proposes a command, or begins a read: its place then waits, or has been redirected.  bytes are
 * those of an entry. */
void kvraft_propose(struct kvraft *kvraft, struct place *place, const struct resp_request *request,
                    const uint8_t *bytes, size_t len);

/* --- kvraft_clients.c --- */

/* Its replies may leave, or its connection may end: kvraft_serve_ready does it, for all such. */
void kvraft_make_ready(struct client *client);
void kvraft_serve_ready(struct kvraft *kvraft);

/* For replies.h: to a place, or to nobody; and to a client. */
void kvraft_put_result(void *context, const void *data, size_t len);
void kvraft_put_output(void *context, const void *data, size_t len);

#endif
