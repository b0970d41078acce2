/* replication.h - the state of replication.c, for read_index.c too. */
#ifndef REPLICATION_H
#define REPLICATION_H

#include "raft_state.h"

struct log;

/* What a leader knows of another server.  next and match: figure 2, State. */
struct peer {
    int32_t next, match;
    uint64_t asked;     /* the seq of the latest request that began at next */
    int32_t asked_prev; /* and its prev_log_index */
    bool is_waiting;    /* it had entries, and may be on its way still */
    uint64_t acked;     /* the highest seq that it has answered in this term */
};

struct replication {
    struct log *log;
    int32_t commit_index, applied;
    int32_t synced; /* a leader's own match: its entries up to here are on the disk */
    uint64_t seq;   /* of the latest request; messages have its lower half */
    bool has_read;  /* a read was begun, and nobody was asked since */
    struct peer peers[RAFT_MOST_SERVERS + 1]; /* by id */
};

#endif
