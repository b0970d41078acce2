/* raft_pools.h - the parts of raft_pools: raft_pools.c joins them on one loop. */
#ifndef RAFT_POOLS_H
#define RAFT_POOLS_H

#include "lanes.h"
#include "peers.h"
#include "raft_node.h"

#include <pthread.h>

/* --- raft_pools_core.c: the core, behind one lock --- */

struct outgoing;

struct shared_core {
    struct node_core core;
    pthread_mutex_t lock;  /* held while the core is called, the disk included */
    pthread_mutex_t facts; /* guards what follows, and is held for a few instructions */
    struct outgoing *first, **after;
    int32_t leader;
    int64_t deadline;
};

/* After node_read_cluster of its core. */
void shared_core_init(struct shared_core *shared, const struct node_options *options);

/* From any thread, as in raft.h; they may wait for another one's call, and for the disk. */
void shared_tick(struct shared_core *shared);
bool shared_receive(struct shared_core *shared, int32_t from, const uint8_t *message, size_t len);

/* From any thread, at once: what held after the last call of the core. */
int32_t shared_leader(struct shared_core *shared);
int64_t shared_deadline(struct shared_core *shared);

/* In the loop's thread: sends what the core has sent since, in its order. */
void shared_send_out(struct shared_core *shared, struct peers *peers);

/* --- raft_pools_clients.c: requests, for the workers of the client pool --- */

struct client;

struct client_side {
    struct loop *loop;
    struct lanes *lanes;
    struct shared_core *shared;
    bool is_resp2;
    struct client *clients;
};

/* Serves a client that has come; fd is closed in the end. */
void client_side_serve(struct client_side *side, int fd);

/* Closes all connections.  What workers still do for them is freed with the pool. */
void client_side_leave(struct client_side *side);

/* --- raft_pools_raft.c: messages and time, for the workers of the Raft pool --- */

/* What one node sent. */
struct sender {
    struct lane lane;
    size_t bytes;    /* in the pool's hands */
    bool is_refused; /* the core refused a message; its connection is closed with the next one */
};

struct raft_side {
    struct loop *loop;
    struct lanes *lanes;
    struct shared_core *shared;
    struct client_side *clients; /* who serves those that come */
    struct peers *peers;
    struct loop_timer timer; /* set for the core's deadline */
    struct lane_job tick;
    struct lane ticks;
    struct sender senders[CLUSTER_MOST_NODES + 1];
};

/* Listens and dials, with all above peers set. */
void raft_side_join(struct raft_side *side);
void raft_side_leave(struct raft_side *side);

#endif
