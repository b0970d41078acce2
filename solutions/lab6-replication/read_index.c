/* read_index.c - reads of raft_read.h: who has answered what was sent since?
 *
 * All requests to all servers take their seq from one counter, so where that stood when a read was
 * begun is the place of the read among them: an ack beyond it is of a request that was sent later.
 * A refusal of entries counts as well: it is no less of this term. */
#include "raft_read.h"

#include "log.h"
#include "replication.h"

bool raft_can_read(void)
{
    return true;
}

/* "If the leader has not yet marked an entry from its current term committed, it waits until it has
 * done so". */
bool raft_begin_read(struct raft *raft, struct raft_read *read)
{
    struct replication *self = raft->replication;

    if (raft->role != RAFT_LEADER || log_term(self->log, self->commit_index) != raft->term)
        return false;
    *read = (struct raft_read){raft->term, self->commit_index, self->seq};
    self->has_read = true;
    return true;
}

bool raft_may_read(const struct raft *raft, const struct raft_read *read)
{
    const struct peer *peers = raft->replication->peers;
    int32_t count = 0;

    if (raft->role != RAFT_LEADER || raft->term != read->term)
        return false;
    for (int32_t id = 1; id <= raft->config.servers; id++)
        count += id == raft->config.id || peers[id].acked > read->seq;
    return count > raft->config.servers / 2;
}
