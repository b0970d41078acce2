/* paxos_message.h - the messages of paxos.h as bytes. */
#ifndef PAXOS_MESSAGE_H
#define PAXOS_MESSAGE_H

#include "paxos.h"

enum paxos_type { PAXOS_PREPARE = 11, PAXOS_PROMISE, PAXOS_ACCEPT, PAXOS_ACCEPTED, PAXOS_REFUSED };

struct paxos_message {
    enum paxos_type type;
    struct paxos_ballot ballot;
    struct paxos_ballot other; /* accepted, of a promise; promised, of a refusal; else 0/0 */
    const uint8_t *value;      /* of a promise, an accept, an accepted; else none */
    size_t len;
};

/* Negative, 0 or positive, as the order of ballots is.  0/0 is below all others. */
int paxos_compare(struct paxos_ballot a, struct paxos_ballot b);

size_t paxos_message_size(const struct paxos_message *m);
/* Writes that many bytes. */
void paxos_message_encode(const struct paxos_message *m, uint8_t *data);
/* False: malformed.  The value is lent, and lies in data. */
bool paxos_message_decode(const uint8_t *data, size_t len, struct paxos_message *m);

#endif
