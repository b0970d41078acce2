/* read_index.c - reads of raft_read.h.  (An extension, stage 6.21.)
 *
 * All peers have one count of requests, so a read notes one seq: what is sent after it has a later
 * one.  An ack beyond it comes from a server that took this one for its leader after the read had
 * come, whether the log check held or not.  replication.c notes acks, and sends a round of requests
 * in its tick where a read is due. */
#include "raft_read.h"

#include "replication.h"

bool raft_can_read(void)
{
    return true;
}

/* Section 8: "a leader must have the latest information on which entries are committed", and at the
 * start of its term it has not. */
static bool knows_commits(const struct raft *raft)
{
    const struct replication *r = raft->replication;

    return raft->role == RAFT_LEADER && log_term(r->log, r->commit_index) == raft->term;
}

bool raft_begin_read(struct raft *raft, struct raft_read *read)
{
    struct replication *r = raft->replication;

    if (!knows_commits(raft))
        return false;
    *read = (struct raft_read){.term = raft->term, .index = r->commit_index, .seq = r->seq};
    r->is_read_due = true;
    return true;
}

bool raft_may_read(const struct raft *raft, const struct raft_read *read)
{
    const struct replication *r = raft->replication;
    int32_t count = 1; /* this server */

    if (raft->role != RAFT_LEADER || raft->term != read->term)
        return false;
    for (int32_t id = 1; id <= raft->config.servers; id++) {
        if (id != raft->config.id && progress_is_later(r->peers[id - 1].acked, read->seq))
            count++;
    }
    return 2 * count > raft->config.servers;
}
