/* paxos_message.c - strict and canonical: of each message there is one encoding, and all else is
 * refused.  Whatever no correct acceptor says is malformed as well: it has accepted nothing above
 * what it promises, and refuses nothing but what is below that. */
#include "paxos_message.h"

#include <string.h>

enum { HEADER_SIZE = 8, BALLOT_SIZE = 8 };

int paxos_compare(struct paxos_ballot a, struct paxos_ballot b)
{
    if (a.round != b.round)
        return a.round < b.round ? -1 : 1;
    return (a.server > b.server) - (a.server < b.server);
}

static void put_number(uint8_t *at, uint32_t number)
{
    for (int byte = 0; byte < 4; byte++)
        at[byte] = (uint8_t)(number >> (8 * byte));
}

static uint32_t get_number(const uint8_t *at)
{
    return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static void put_ballot(uint8_t *at, struct paxos_ballot ballot)
{
    put_number(at, (uint32_t)ballot.round);
    put_number(at + 4, (uint32_t)ballot.server);
}

static struct paxos_ballot get_ballot(const uint8_t *at)
{
    return (struct paxos_ballot){(int32_t)get_number(at), (int32_t)get_number(at + 4)};
}

static bool has_other(enum paxos_type type)
{
    return type == PAXOS_PROMISE || type == PAXOS_REFUSED;
}

static bool has_value(enum paxos_type type)
{
    return type == PAXOS_PROMISE || type == PAXOS_ACCEPT || type == PAXOS_ACCEPTED;
}

static size_t size_without_value(enum paxos_type type)
{
    return HEADER_SIZE + (has_other(type) ? 2 * BALLOT_SIZE : BALLOT_SIZE);
}

size_t paxos_message_size(const struct paxos_message *m)
{
    return size_without_value(m->type) + m->len;
}

void paxos_message_encode(const struct paxos_message *m, uint8_t *data)
{
    put_number(data, m->type);
    put_number(data + 4, (uint32_t)(paxos_message_size(m) - HEADER_SIZE));
    put_ballot(data + HEADER_SIZE, m->ballot);
    if (has_other(m->type))
        put_ballot(data + HEADER_SIZE + BALLOT_SIZE, m->other);
    if (m->len > 0)
        memcpy(data + size_without_value(m->type), m->value, m->len);
}

static bool is_none(struct paxos_ballot ballot)
{
    return ballot.round == 0 && ballot.server == 0;
}

static bool is_ballot(struct paxos_ballot ballot)
{
    return ballot.round >= 1 && ballot.round <= PAXOS_LAST_ROUND && ballot.server >= 1 &&
           ballot.server <= PAXOS_MOST_SERVERS;
}

static bool makes_sense(const struct paxos_message *m)
{
    if (!is_ballot(m->ballot))
        return false;
    if (m->type == PAXOS_REFUSED)
        return is_ballot(m->other) && paxos_compare(m->other, m->ballot) > 0;
    if (m->type != PAXOS_PROMISE)
        return true;
    if (is_none(m->other))
        return m->len == 0;
    return is_ballot(m->other) && paxos_compare(m->other, m->ballot) <= 0;
}

bool paxos_message_decode(const uint8_t *data, size_t len, struct paxos_message *m)
{
    if (len < HEADER_SIZE || get_number(data + 4) != len - HEADER_SIZE)
        return false;
    uint32_t type = get_number(data);
    if (type < PAXOS_PREPARE || type > PAXOS_REFUSED)
        return false;
    *m = (struct paxos_message){.type = (enum paxos_type)type};
    size_t fixed = size_without_value(m->type);
    if (len < fixed || len - fixed > (has_value(m->type) ? PAXOS_LARGEST_VALUE : 0))
        return false;
    m->ballot = get_ballot(data + HEADER_SIZE);
    if (has_other(m->type))
        m->other = get_ballot(data + HEADER_SIZE + BALLOT_SIZE);
    m->value = data + fixed;
    m->len = len - fixed;
    return makes_sense(m);
}
