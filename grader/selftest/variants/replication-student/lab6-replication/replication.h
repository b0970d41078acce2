/* replication.h - what replication.c keeps, for read_index.c as well. */
#ifndef REPLICATION_H
#define REPLICATION_H

#include "log.h"
#include "progress.h"
#include "raft_state.h"

struct replication {
    struct log *log;
    int32_t commit_index, applied;
    int32_t synced;   /* a leader's own match: the last entry that was on its disk */
    uint32_t seq;     /* of the latest request, to whomever */
    bool is_read_due; /* a read waits for a round of requests */
    struct progress peers[RAFT_MOST_SERVERS]; /* that with the id i is peers[i - 1] */
};

#endif
