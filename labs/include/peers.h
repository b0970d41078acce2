/* peers.h - a node's connections: to the other nodes of its cluster, and from them and clients.
 *
 * Each node dials each other one, and dials again when that fails or the connection ends: after a
 * pause that doubles each time, and is short again after a connection that held for the longest.
 * None waits for another: a node that is gone, silent or hostile costs the others nothing.
 *
 * A connection belongs to the node that was dialled, or that a message on it (any but a vote's
 * reply, which names nobody) named last as its sender.  Bytes that are no message close it. */
#ifndef PEERS_H
#define PEERS_H

#include "cluster.h"
#include "loop.h"

enum {
    PEERS_DIAL_TIMEOUT_MS = 1000,
    PEERS_FIRST_PAUSE_MS = 10,
    PEERS_LONGEST_PAUSE_MS = 100, /* a node that is back is to be heard before it stands itself */
    PEERS_QUEUE_BOUND = 1 << 20,  /* fewer bytes than that wait on a connection, or one message */
};

struct peers;

/* Both may call peers_send, but not peers_free. */
struct peers_events {
    /* A whole, well-formed message; lent for the call.  from: the node that the connection belongs
     * to from this message on, or 0.  False: the connection is closed. */
    bool (*on_message)(void *context, int32_t from, const uint8_t *message, size_t len);
    /* A client has come; fd is the callee's. */
    void (*on_client)(void *context, int fd);
};

/* Listens at both addresses of this node, and begins to dial.  Keeps a copy of cluster; events
 * stays the caller's and lives as long.  NULL with errno: see bind(2) and listen(2), ENOMEM. */
struct peers *peers_new(struct loop *loop, const struct cluster *cluster,
                        const struct peers_events *events, void *context);

/* Closes all that peers_new and the other nodes opened. */
void peers_free(struct peers *peers);

/* Sends a message, or drops it where nothing carries it now: a request goes by the connection that
 * was dialled, a reply by that of the node's latest request, even if another is open.  Never
 * waits: beyond PEERS_QUEUE_BOUND it is dropped too. */
void peers_send(struct peers *peers, int32_t to, const uint8_t *message, size_t len);

#endif
