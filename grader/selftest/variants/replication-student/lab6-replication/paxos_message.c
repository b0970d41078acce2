/* paxos_message.c - strict and canonical: of each message there is one encoding, and all else is
 * refused. */
#include "paxos_message.h"

#include <string.h>

enum { HEADER_SIZE = 8, BALLOT_SIZE = 8 };

int paxos_compare(struct paxos_ballot a, struct paxos_ballot b)
{
    if (a.round != b.round)
        return a.round < b.round ? -1 : 1;
    return (a.server > b.server) - (a.server < b.server);
}

static bool has_other(enum paxos_type type)
{
    return type == PAXOS_PROMISE || type == PAXOS_REFUSED;
}

static bool has_value(enum paxos_type type)
{
    return type == PAXOS_PROMISE || type == PAXOS_ACCEPT || type == PAXOS_ACCEPTED;
}

static size_t fixed_size(enum paxos_type type)
{
    return HEADER_SIZE + BALLOT_SIZE + (has_other(type) ? BALLOT_SIZE : 0);
}

size_t paxos_message_size(const struct paxos_message *m)
{
    return fixed_size(m->type) + (has_value(m->type) ? m->len : 0);
}

/* Little-endian, whatever the machine is. */
static void put_number(uint8_t *at, uint32_t number)
{
    for (int byte = 0; byte < 4; byte++)
        at[byte] = (uint8_t)(number >> (8 * byte));
}

static uint32_t get_number(const uint8_t *at)
{
    uint32_t number = 0;

    for (int byte = 0; byte < 4; byte++)
        number |= (uint32_t)at[byte] << (8 * byte);
    return number;
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

void paxos_message_encode(const struct paxos_message *m, uint8_t *data)
{
    put_number(data, m->type);
    put_number(data + 4, (uint32_t)(paxos_message_size(m) - HEADER_SIZE));
    put_ballot(data + HEADER_SIZE, m->ballot);
    if (has_other(m->type))
        put_ballot(data + HEADER_SIZE + BALLOT_SIZE, m->other);
    if (has_value(m->type) && m->len > 0)
        memcpy(data + fixed_size(m->type), m->value, m->len);
}

static bool is_ballot(struct paxos_ballot ballot)
{
    return ballot.round >= 1 && ballot.round <= PAXOS_LAST_ROUND && ballot.server >= 1 &&
           ballot.server <= PAXOS_MOST_SERVERS;
}

/* None, or one that the acceptor may have accepted before it promised this one. */
static bool is_promise(const struct paxos_message *m)
{
    if (m->other.round == 0 && m->other.server == 0)
        return m->len == 0;
    return is_ballot(m->other) && paxos_compare(m->other, m->ballot) <= 0;
}

/* Only for a higher promise is anything refused. */
static bool is_refusal(const struct paxos_message *m)
{
    return is_ballot(m->other) && paxos_compare(m->other, m->ballot) > 0;
}

bool paxos_message_decode(const uint8_t *data, size_t len, struct paxos_message *m)
{
    if (len < HEADER_SIZE || get_number(data) < PAXOS_PREPARE || get_number(data) > PAXOS_REFUSED ||
        get_number(data + 4) != len - HEADER_SIZE)
        return false;
    *m = (struct paxos_message){.type = (enum paxos_type)get_number(data)};
    size_t fixed = fixed_size(m->type);
    if (len < fixed || (len > fixed && !has_value(m->type)) || len - fixed > PAXOS_LARGEST_VALUE)
        return false;
    m->ballot = get_ballot(data + HEADER_SIZE);
    if (has_other(m->type))
        m->other = get_ballot(data + HEADER_SIZE + BALLOT_SIZE);
    m->value = data + fixed;
    m->len = len - fixed;
    return is_ballot(m->ballot) && (m->type != PAXOS_PROMISE || is_promise(m)) &&
           (m->type != PAXOS_REFUSED || is_refusal(m));
}
