/* read_index.c - reads of raft_read.h.  (An extension, stage 6.21.)
 *
 * Of which request does a reply tell that it was sent after a read had come?  Look at seq and ack.
 * replication.c has to take part: what does it note, and when does it ask?  What has a new leader to
 * wait for, and why? */
#include "raft_read.h"

/* Yours once you attempt it. */
bool raft_can_read(void)
{
    return false;
}

bool raft_begin_read(struct raft *raft, struct raft_read *read)
{
    (void)raft;
    (void)read;
    /* Your code here. */
    return false;
}

bool raft_may_read(const struct raft *raft, const struct raft_read *read)
{
    (void)raft;
    (void)read;
    /* Your code here. */
    return false;
}
