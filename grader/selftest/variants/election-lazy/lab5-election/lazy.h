/* lazy.h - what the two parts of a lazy server share, beside raft_state.h.
 *
 * It remembers what it can't work out, and does what it can't leave out.  Of struct raft:
 *     config.term, voted_for    as saved last: if term and voted_for differ, they are still to be
 *     votes                     of a candidate; and of a leader that has not said yet that it leads
 *     election_due              when the role's timer runs out: a leader's is that of heartbeats
 *     heartbeat_due, random, buffer, capacity    are not used */
#ifndef LAZY_H
#define LAZY_H
#include "raft_state.h"

/* No server stands in a higher one. */
enum { LAST_TERM = INT32_MAX - 1 };

int32_t term_of(const struct message *m);

/* All that a message does; from is known if it is a vote. */
void take_message(struct raft *raft, int32_t from, const struct message *m);

/* All that time does, and when; INT64_MAX for never. */
void take_time(struct raft *raft);
int64_t time_is_due(const struct raft *raft);

#endif
