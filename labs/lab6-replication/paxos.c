/* paxos.c - the server of paxos.h: Lamport, Paxos Made Simple (2001), section 2.
 *
 * Two quorums have a server in common.  Say that a value was chosen in some ballot, and that a
 * proposer has the promises of a quorum for a higher one: what does it know, and from whom?  And if
 * the value was not chosen yet, why can't it be any more, behind the proposer's back? */
#include "paxos.h"

#include "paxos_message.h"

#include <errno.h>
#include <stdlib.h>

struct paxos {
    /* Which of all this has to outlive a crash, and who keeps it?
     * Your code here. */
    struct paxos_config config;
    struct paxos_host host;
};

/* --- what is saved, and sent --- */

/* What does a message promise, and what if the power fails a moment after it left?  What becomes of
 * a message that there is no memory for? */
static void send_to(struct paxos *paxos, int32_t to, const struct paxos_message *m)
{
    (void)paxos;
    (void)to;
    (void)m;
    /* Your code here. */
}

/* --- the learner --- */

/* When is a value chosen?  What if one acceptor tells twice, or two tell of the same value in
 * different ballots? */
static void learn(struct paxos *paxos, int32_t acceptor, const struct paxos_message *m)
{
    (void)paxos;
    (void)acceptor;
    (void)m;
    /* Your code here. */
}

/* --- the acceptor --- */

/* Phase 1(b).  What is promised, and what has the proposer to know?  What if the ballot is below the
 * one promised, or the same? */
static void on_prepare(struct paxos *paxos, int32_t proposer, struct paxos_ballot ballot)
{
    (void)paxos;
    (void)proposer;
    (void)ballot;
    (void)send_to;
    /* Your code here. */
}

/* Phase 2(b), for the others, and for this server's own proposals. */
static void on_accept(struct paxos *paxos, int32_t proposer, const struct paxos_message *m)
{
    (void)paxos;
    (void)proposer;
    (void)m;
    /* Your code here. */
}

/* --- the proposer --- */

/* Phase 1(a): which ballots has this server used before, in any of its lives?  And how long will it
 * wait before it tries another one, if two proposers keep refusing each other? */
static void prepare(struct paxos *paxos)
{
    (void)paxos;
    /* Your code here. */
}

/* Phase 2(a): who has promised, and which value is free to be proposed then? */
static void on_promise(struct paxos *paxos, int32_t from, const struct paxos_message *m)
{
    (void)paxos;
    (void)from;
    (void)m;
    /* Your code here. */
}

/* --- what happens to a server --- */

/* Whose is a ballot, and who may speak of it?  What does a refusal tell? */
bool paxos_receive(struct paxos *paxos, int64_t now, int32_t from, const uint8_t *message,
                   size_t len)
{
    (void)paxos;
    (void)now;
    (void)from;
    (void)message;
    (void)len;
    (void)learn;
    (void)on_prepare;
    (void)on_accept;
    (void)on_promise;
    /* Your code here. */
    return false;
}

bool paxos_propose(struct paxos *paxos, int64_t now, const uint8_t *value, size_t len)
{
    (void)paxos;
    (void)now;
    (void)value;
    (void)len;
    (void)prepare;
    /* Your code here. */
    return false;
}

void paxos_tick(struct paxos *paxos, int64_t now)
{
    (void)paxos;
    (void)now;
    /* Your code here. */
}

int64_t paxos_deadline(const struct paxos *paxos)
{
    (void)paxos;
    /* Your code here. */
    return INT64_MAX;
}

struct paxos_status paxos_status(const struct paxos *paxos)
{
    (void)paxos;
    /* Your code here. */
    return (struct paxos_status){.phase = PAXOS_IDLE};
}

/* What was saved before the restart, and when is it not synced? */
struct paxos *paxos_new(const struct paxos_config *config, const struct paxos_host *host,
                        int64_t now)
{
    struct paxos *paxos = calloc(1, sizeof *paxos);

    if (paxos == NULL)
        return NULL;
    *paxos = (struct paxos){.config = *config, .host = *host};
    (void)now;
    /* Your code here. */
    return paxos;
}

/* Which ballot has this server promised, if it has accepted one without a prepare? */
int paxos_load(struct paxos *paxos, struct paxos_ballot accepted, const uint8_t *value, size_t len)
{
    (void)paxos;
    (void)accepted;
    (void)value;
    (void)len;
    /* Your code here. */
    errno = ENOSYS;
    return -1;
}

void paxos_free(struct paxos *paxos)
{
    if (paxos == NULL)
        return;
    /* Your code here. */
    free(paxos);
}
