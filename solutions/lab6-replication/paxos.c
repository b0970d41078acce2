/* paxos.c - the server of paxos.h: Lamport, Paxos Made Simple (2001), from whose section 2 the
 * sentences here are.
 *
 *     proposer   prepare(ballot) -> promises of a quorum -> accept(ballot, value)
 *     acceptor   promises what is no lower than its promise; accepts likewise; tells the learners
 *     learner    a quorum accepted the same ballot: its value is chosen
 *
 * Two quorums have a server in common.  So whoever has the promises of one hears of any value that
 * another has chosen, or has kept it from ever choosing one in an older ballot. */
#include "paxos.h"

#include "paxos_message.h"

#include <stdlib.h>
#include <string.h>

struct value {
    uint8_t *data;
    size_t len;
};

struct servers {
    bool has[PAXOS_MOST_SERVERS + 1]; /* by id */
};

struct paxos {
    struct paxos_config config;
    struct paxos_host host;
    int64_t now;
    int32_t highest_round; /* of all ballots that it knows */
    uint64_t random;
    /* the acceptor: what is saved */
    struct paxos_ballot promised, accepted;
    struct value accepted_value;
    bool is_synced;
    /* the proposer */
    enum paxos_phase phase;
    struct paxos_ballot ballot;  /* that it tries now */
    struct paxos_ballot adopted; /* the highest that a promise told of: its value is proposed */
    struct value proposal;
    struct servers promises; /* of the ballot */
    int64_t deadline;
    /* the learner */
    struct paxos_ballot learning; /* the highest that some server accepted */
    struct servers acceptors;     /* of that one */
    bool is_decided;
};

static bool is_quorum(const struct paxos *paxos, const struct servers *servers)
{
    int32_t count = 0;

    for (int32_t id = 1; id <= paxos->config.servers; id++)
        count += servers->has[id];
    return 2 * count > paxos->config.servers;
}

/* False: no memory, and nothing has changed. */
static bool keep(struct value *value, const uint8_t *data, size_t len)
{
    uint8_t *copy = malloc(len + 1); /* an empty value is one as well */

    if (copy == NULL)
        return false;
    if (len > 0)
        memcpy(copy, data, len);
    free(value->data);
    *value = (struct value){copy, len};
    return true;
}

/* --- what is saved, and sent --- */

/* What a message promises is durable before it leaves: "An acceptor records its intended response
 * in stable storage before actually sending the response." */
static void sync_saved(struct paxos *paxos)
{
    if (paxos->is_synced)
        return;
    paxos->host.sync(paxos->host.context);
    paxos->is_synced = true;
}

/* Without memory the message is lost: Paxos lives with that. */
static void send_to(struct paxos *paxos, int32_t to, const struct paxos_message *m)
{
    size_t size = paxos_message_size(m);
    uint8_t *data = malloc(size);

    if (data == NULL)
        return;
    paxos_message_encode(m, data);
    sync_saved(paxos);
    paxos->host.send(paxos->host.context, to, data, size);
    free(data);
}

static void send_to_others(struct paxos *paxos, const struct paxos_message *m)
{
    for (int32_t to = 1; to <= paxos->config.servers; to++) {
        if (to != paxos->config.id)
            send_to(paxos, to, m);
    }
}

/* --- the learner --- */

/* "To learn that a value has been chosen, a learner must find out that a proposal has been accepted
 * by a majority of acceptors."  A proposal: one ballot.  So the count begins anew with each higher
 * one; acceptors of one value in different ballots don't add up. */
static void learn(struct paxos *paxos, int32_t acceptor, const struct paxos_message *m)
{
    int order = paxos_compare(m->ballot, paxos->learning);

    if (order < 0 || paxos->is_decided)
        return;
    if (order > 0)
        paxos->acceptors = (struct servers){0};
    paxos->learning = m->ballot;
    paxos->acceptors.has[acceptor] = true;
    if (!is_quorum(paxos, &paxos->acceptors))
        return;
    paxos->is_decided = true;
    paxos->phase = PAXOS_IDLE;
    paxos->deadline = INT64_MAX;
    paxos->host.decided(paxos->host.context, m->value, m->len);
}

/* --- the acceptor --- */

static void save_promised(struct paxos *paxos, struct paxos_ballot ballot)
{
    paxos->promised = ballot;
    paxos->is_synced = false;
    paxos->host.save_promised(paxos->host.context, ballot);
}

static void refuse(struct paxos *paxos, int32_t proposer, struct paxos_ballot ballot)
{
    send_to(paxos, proposer,
            &(struct paxos_message){.type = PAXOS_REFUSED,
                                    .ballot = ballot,
                                    .other = paxos->promised});
}

/* "If an acceptor receives a prepare request with number n greater than that of any prepare request
 * to which it has already responded, then it responds to the request with a promise not to accept
 * any more proposals numbered less than n and with the highest-numbered proposal (if any) that it
 * has accepted."  The same one again gets the same answer: the first may be lost. */
static void on_prepare(struct paxos *paxos, int32_t proposer, struct paxos_ballot ballot)
{
    if (paxos_compare(ballot, paxos->promised) < 0) {
        refuse(paxos, proposer, ballot);
        return;
    }
    if (paxos_compare(ballot, paxos->promised) > 0)
        save_promised(paxos, ballot);
    send_to(paxos, proposer,
            &(struct paxos_message){
                .type = PAXOS_PROMISE,
                .ballot = ballot,
                .other = paxos->accepted,
                .value = paxos->accepted_value.data,
                .len = paxos->accepted_value.len,
            });
}

/* P1a: "An acceptor can accept a proposal numbered n iff it has not responded to a prepare request
 * having a number greater than n." */
static void on_accept(struct paxos *paxos, int32_t proposer, const struct paxos_message *m)
{
    struct paxos_message told = *m;

    if (paxos_compare(m->ballot, paxos->promised) < 0) {
        if (proposer != paxos->config.id)
            refuse(paxos, proposer, m->ballot);
        return;
    }
    if (paxos_compare(m->ballot, paxos->accepted) > 0) {
        if (!keep(&paxos->accepted_value, m->value, m->len))
            return;
        paxos->promised = paxos->accepted = m->ballot;
        paxos->is_synced = false;
        paxos->host.save_accepted(paxos->host.context, m->ballot, m->value, m->len);
    }
    told.type = PAXOS_ACCEPTED;
    send_to_others(paxos, &told);
    sync_saved(paxos); /* also where there are no others to be told */
    learn(paxos, paxos->config.id, &told);
}

/* --- the proposer --- */

/* SplitMix64: Steele, Lea and Flood, Fast Splittable Pseudorandom Number Generators (2014). */
static uint64_t draw(struct paxos *paxos)
{
    uint64_t z = paxos->random += 0x9e3779b97f4a7c15;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

/* Two proposers may keep each other from a decision for ever.  (FLP: "a reliable algorithm for
 * electing a proposer must use either randomness or real time".)  Here it is both. */
static void restart_pause(struct paxos *paxos)
{
    const struct paxos_config *config = &paxos->config;
    uint64_t choices = (uint64_t)(config->retry_max_ms - config->retry_min_ms) + 1;

    paxos->deadline = paxos->now + config->retry_min_ms + (int64_t)(draw(paxos) % choices);
}

/* P2c: "if a proposal with value v and number n is issued, then there is a set S consisting of a
 * majority of acceptors such that either (a) no acceptor in S has accepted any proposal numbered
 * less than n, or (b) v is the value of the highest-numbered proposal among all proposals numbered
 * less than n accepted by the acceptors in S." */
static void on_promise(struct paxos *paxos, int32_t from, const struct paxos_message *m)
{
    if (paxos->phase != PAXOS_PREPARING || paxos_compare(m->ballot, paxos->ballot) != 0)
        return;
    if (paxos_compare(m->other, paxos->adopted) > 0) {
        if (!keep(&paxos->proposal, m->value, m->len))
            return;
        paxos->adopted = m->other;
    }
    paxos->promises.has[from] = true;
    if (!is_quorum(paxos, &paxos->promises))
        return;
    paxos->phase = PAXOS_ACCEPTING;
    struct paxos_message accept = {
        .type = PAXOS_ACCEPT,
        .ballot = paxos->ballot,
        .value = paxos->proposal.data,
        .len = paxos->proposal.len,
    };
    send_to_others(paxos, &accept);
    on_accept(paxos, paxos->config.id, &accept);
}

/* "Each proposer remembers (in stable storage) the highest-numbered proposal it has attempted to
 * issue, and begins phase 1 with a higher proposal number than any it has already used."  It
 * remembers by its own promise, the first of the ballot. */
static void prepare(struct paxos *paxos)
{
    if (paxos->highest_round >= PAXOS_LAST_ROUND) {
        paxos->phase = PAXOS_IDLE;
        paxos->deadline = INT64_MAX;
        return;
    }
    restart_pause(paxos);
    paxos->phase = PAXOS_PREPARING;
    paxos->ballot = (struct paxos_ballot){++paxos->highest_round, paxos->config.id};
    paxos->adopted = (struct paxos_ballot){0, 0};
    paxos->promises = (struct servers){0};
    save_promised(paxos, paxos->ballot);
    send_to_others(paxos, &(struct paxos_message){.type = PAXOS_PREPARE, .ballot = paxos->ballot});
    on_promise(paxos, paxos->config.id,
               &(struct paxos_message){
                   .ballot = paxos->ballot,
                   .other = paxos->accepted,
                   .value = paxos->accepted_value.data,
                   .len = paxos->accepted_value.len,
               });
}

/* --- what happens to a server --- */

/* A proposer speaks of its own ballots, and an acceptor answers it about them. */
static bool is_possible(const struct paxos *paxos, int32_t from, const struct paxos_message *m)
{
    int32_t id = paxos->config.id, servers = paxos->config.servers;

    if (from < 1 || from > servers || from == id || m->ballot.server > servers ||
        m->other.server > servers)
        return false;
    switch (m->type) {
    case PAXOS_PREPARE:
    case PAXOS_ACCEPT: return m->ballot.server == from;
    case PAXOS_PROMISE:
    case PAXOS_REFUSED: return m->ballot.server == id;
    default: return true; /* acceptors tell every learner, whosever ballot it is */
    }
}

static void note_round(struct paxos *paxos, struct paxos_ballot ballot)
{
    if (ballot.round > paxos->highest_round)
        paxos->highest_round = ballot.round;
}

static void advance(struct paxos *paxos, int64_t now)
{
    if (now > paxos->now)
        paxos->now = now;
}

/* A refusal has done its work once its round is noted: the next ballot will be above it. */
bool paxos_receive(struct paxos *paxos, int64_t now, int32_t from, const uint8_t *message,
                   size_t len)
{
    struct paxos_message m;

    if (!paxos_message_decode(message, len, &m) || !is_possible(paxos, from, &m))
        return false;
    advance(paxos, now);
    note_round(paxos, m.ballot);
    note_round(paxos, m.other);
    switch (m.type) {
    case PAXOS_PREPARE: on_prepare(paxos, from, m.ballot); break;
    case PAXOS_PROMISE: on_promise(paxos, from, &m); break;
    case PAXOS_ACCEPT: on_accept(paxos, from, &m); break;
    case PAXOS_ACCEPTED: learn(paxos, from, &m); break;
    case PAXOS_REFUSED: break;
    }
    return true;
}

bool paxos_propose(struct paxos *paxos, int64_t now, const uint8_t *value, size_t len)
{
    advance(paxos, now);
    if (paxos->phase != PAXOS_IDLE || paxos->is_decided || len > PAXOS_LARGEST_VALUE ||
        paxos->highest_round >= PAXOS_LAST_ROUND || !keep(&paxos->proposal, value, len))
        return false;
    prepare(paxos);
    return true;
}

void paxos_tick(struct paxos *paxos, int64_t now)
{
    advance(paxos, now);
    if (paxos->now >= paxos->deadline)
        prepare(paxos);
}

int64_t paxos_deadline(const struct paxos *paxos)
{
    return paxos->deadline;
}

struct paxos_status paxos_status(const struct paxos *paxos)
{
    return (struct paxos_status){
        .phase = paxos->phase,
        .promised = paxos->promised,
        .accepted = paxos->accepted,
        .is_decided = paxos->is_decided,
    };
}

struct paxos *paxos_new(const struct paxos_config *config, const struct paxos_host *host,
                        int64_t now)
{
    struct paxos *paxos = calloc(1, sizeof *paxos);

    if (paxos == NULL)
        return NULL;
    *paxos = (struct paxos){
        .config = *config,
        .host = *host,
        .now = now,
        .random = config->seed,
        .promised = config->promised,
        .is_synced = false, /* a former life may have ended between a save and its sync */
        .deadline = INT64_MAX,
    };
    note_round(paxos, config->promised);
    return paxos;
}

int paxos_load(struct paxos *paxos, struct paxos_ballot accepted, const uint8_t *value, size_t len)
{
    if (!keep(&paxos->accepted_value, value, len))
        return -1;
    paxos->accepted = accepted;
    if (paxos_compare(accepted, paxos->promised) > 0)
        paxos->promised = accepted;
    note_round(paxos, accepted);
    return 0;
}

void paxos_free(struct paxos *paxos)
{
    if (paxos == NULL)
        return;
    free(paxos->accepted_value.data);
    free(paxos->proposal.data);
    free(paxos);
}
