/* paxos_parts.h - what a server of paxos.h is made of: values, quorums, and the count of who has
 * accepted what. */
#ifndef PAXOS_PARTS_H
#define PAXOS_PARTS_H

#include "paxos.h"

/* Bytes of one's own; all zero: none yet. */
struct paxos_value {
    uint8_t *data;
    size_t len;
};

/* In place of what was there.  False: no memory, and that stays. */
bool paxos_value_copy(struct paxos_value *value, const uint8_t *data, size_t len);
void paxos_value_free(struct paxos_value *value);

/* Sets of servers: bit id - 1. */
uint64_t paxos_bit(int32_t id);
bool paxos_is_quorum(uint64_t set, int32_t servers);

/* Who has accepted which ballot.  All zero: nobody any. */
struct paxos_tallies {
    struct paxos_tally *tallies;
    size_t count, room;
};

/* True once a quorum has accepted this ballot.  Each acceptor counts once for a ballot, and ballots
 * are counted apart: acceptors of one value in two ballots are no quorum.  (No memory: false.) */
bool paxos_tallies_count(struct paxos_tallies *tallies, struct paxos_ballot ballot,
                         int32_t acceptor, int32_t servers);
void paxos_tallies_free(struct paxos_tallies *tallies);

#endif
