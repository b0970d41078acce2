/* paxos_message.c - strict and canonical: of each message there is one encoding, and all else is
 * refused.  Which messages does no correct server send, whatever happened to it? */
#include "paxos_message.h"

/* By round, then by server. */
int paxos_compare(struct paxos_ballot a, struct paxos_ballot b)
{
    (void)a;
    (void)b;
    /* Your code here. */
    return 0;
}

/* Which of the five have a second ballot, and which a value? */
size_t paxos_message_size(const struct paxos_message *m)
{
    (void)m;
    /* Your code here. */
    return 0;
}

/* Given: little-endian, whatever the machine is. */
static void put_number(uint8_t *at, uint32_t number)
{
    for (int byte = 0; byte < 4; byte++)
        at[byte] = (uint8_t)(number >> (8 * byte));
}

/* What follows the type, and in what order? */
void paxos_message_encode(const struct paxos_message *m, uint8_t *data)
{
    put_number(data, m->type);
    /* Your code here. */
}

/* Who says that len is what payload_size says, or that there are 8 bytes at all? */
bool paxos_message_decode(const uint8_t *data, size_t len, struct paxos_message *m)
{
    (void)data;
    (void)len;
    (void)m;
    /* Your code here. */
    return false;
}
