/* replication.h - the state of replication.c, for read_index.c too. */
#ifndef REPLICATION_H
#define REPLICATION_H

#include "raft_state.h"

struct log;

/* What a leader knows of another server.  next and match: figure 2, State. */
struct peer {
    int32_t next, match;
    /* Which of its requests may be on their way, and what is a reply the answer to?  (The numbers
     * on the wire come again after 2^32 requests.)  Your fields here. */
};

struct replication {
    struct log *log;
    int32_t commit_index;
    struct peer peers[RAFT_MOST_SERVERS + 1]; /* by id */
    /* Your fields here. */
};

#endif
