/* paxos_parts.c - the parts of paxos_parts.h. */
#include "paxos_parts.h"

#include "paxos_message.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_ROOM = 8 };

struct paxos_tally {
    struct paxos_ballot ballot;
    uint64_t acceptors;
};

/* --- values --- */

bool paxos_value_copy(struct paxos_value *value, const uint8_t *data, size_t len)
{
    uint8_t *copy = malloc(len > 0 ? len : 1);

    if (copy == NULL)
        return false;
    if (len > 0)
        memcpy(copy, data, len);
    free(value->data);
    *value = (struct paxos_value){copy, len};
    return true;
}

void paxos_value_free(struct paxos_value *value)
{
    free(value->data);
    *value = (struct paxos_value){NULL, 0};
}

/* --- quorums --- */

uint64_t paxos_bit(int32_t id)
{
    return UINT64_C(1) << (id - 1);
}

bool paxos_is_quorum(uint64_t set, int32_t servers)
{
    int32_t count = 0;

    for (; set != 0; set &= set - 1)
        count++;
    return 2 * count > servers;
}

/* Ballots that are under way are the latest ones. */
static struct paxos_tally *find(struct paxos_tallies *tallies, struct paxos_ballot ballot)
{
    for (size_t i = tallies->count; i > 0; i--) {
        if (paxos_compare(tallies->tallies[i - 1].ballot, ballot) == 0)
            return &tallies->tallies[i - 1];
    }
    return NULL;
}

static struct paxos_tally *add(struct paxos_tallies *tallies, struct paxos_ballot ballot)
{
    if (tallies->count == tallies->room) {
        size_t room = tallies->room == 0 ? FIRST_ROOM : 2 * tallies->room;
        struct paxos_tally *more = realloc(tallies->tallies, room * sizeof *more);
        if (more == NULL)
            return NULL;
        tallies->tallies = more;
        tallies->room = room;
    }
    tallies->tallies[tallies->count] = (struct paxos_tally){.ballot = ballot};
    return &tallies->tallies[tallies->count++];
}

bool paxos_tallies_count(struct paxos_tallies *tallies, struct paxos_ballot ballot,
                         int32_t acceptor, int32_t servers)
{
    struct paxos_tally *tally = find(tallies, ballot);

    if (tally == NULL)
        tally = add(tallies, ballot);
    if (tally == NULL)
        return false;
    tally->acceptors |= paxos_bit(acceptor);
    return paxos_is_quorum(tally->acceptors, servers);
}

void paxos_tallies_free(struct paxos_tallies *tallies)
{
    free(tallies->tallies);
    *tallies = (struct paxos_tallies){0};
}
