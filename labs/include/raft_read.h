/* raft_read.h - reads that need no entry: ReadIndex.  (An extension.)
 *
 * What was committed by now is known to a leader only if it still leads now, which it learns from
 * the others: from replies in its term to requests that it sent after the read came.  A request's
 * seq and its reply's ack pair them.  (Ongaro, Consensus: Bridging Theory and Practice, 6.4.) */
#ifndef RAFT_READ_H
#define RAFT_READ_H

#include "raft.h"

/* A read that waits. */
struct raft_read {
    int32_t term;  /* in which it was begun */
    int32_t index; /* the commit index then: what the read has to see at least */
    uint64_t seq;  /* of the latest request that was sent before it, as the core counts */
};

/* Whether this core has it; false: it was not attempted, and the other two are never called. */
bool raft_can_read(void);

/* Begins a read.  The deadline is then now, and raft_tick asks the others, once for all reads that
 * were begun since.  False: this server leads not, or has not committed an entry of its term, so
 * that it does not know what was committed before. */
bool raft_begin_read(struct raft *raft, struct raft_read *read);

/* Whether it leads in the term of the read, and a majority, itself included, has answered since.
 * The read may then be done, once all entries up to its index are applied.  An entry that was
 * proposed later is not applied before this is so.  Changes nothing: apply may call it, too. */
bool raft_may_read(const struct raft *raft, const struct raft_read *read);

#endif
