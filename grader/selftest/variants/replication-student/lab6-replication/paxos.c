/* paxos.c - the server of paxos.h: Lamport, Paxos Made Simple (2001), section 2.
 *
 * Two quorums have a server in common.  So a proposer with the promises of a quorum hears of every
 * value that may have been chosen in a lower ballot, and none can be any more behind its back,
 * since those who promised accept nothing lower.  A refusal changes nothing but what is known of
 * rounds: a quorum of the others will do. */
#include "paxos.h"

#include "paxos_message.h"
#include "paxos_parts.h"

#include <errno.h>
#include <stdlib.h>

struct paxos {
    struct paxos_config config;
    struct paxos_host host;
    int64_t now, retry_due;
    uint64_t random;
    int32_t highest_round; /* of all ballots that were heard of */
    bool is_synced, is_decided;

    /* the acceptor: the host keeps these */
    struct paxos_ballot promised, accepted;
    struct paxos_value accepted_value;

    /* the proposer */
    bool is_proposing;
    enum paxos_phase phase;
    struct paxos_ballot ballot;
    struct paxos_value wish; /* what it was asked to propose */
    struct paxos_ballot met; /* the highest that its promises told of, and the value there */
    struct paxos_value met_value;
    uint64_t promises;

    struct paxos_tallies tallies; /* the learner */
};

/* --- what is saved, and sent --- */

static void sync_all(struct paxos *paxos)
{
    if (!paxos->is_synced)
        paxos->host.sync(paxos->host.context);
    paxos->is_synced = true;
}

/* A message promises what was saved, so that has to outlive a loss of power before it leaves.
 * Without memory it is lost. */
static void send_to(struct paxos *paxos, int32_t to, const struct paxos_message *m)
{
    size_t size = paxos_message_size(m);
    uint8_t *data = malloc(size);

    if (data == NULL)
        return;
    paxos_message_encode(m, data);
    sync_all(paxos);
    paxos->host.send(paxos->host.context, to, data, size);
    free(data);
}

static void send_to_all(struct paxos *paxos, const struct paxos_message *m)
{
    for (int32_t to = 1; to <= paxos->config.servers; to++) {
        if (to != paxos->config.id)
            send_to(paxos, to, m);
    }
}

static void note_round(struct paxos *paxos, struct paxos_ballot ballot)
{
    if (ballot.round > paxos->highest_round)
        paxos->highest_round = ballot.round;
}

/* --- the learner --- */

static void decide(struct paxos *paxos, const uint8_t *value, size_t len)
{
    paxos->is_decided = true;
    paxos->is_proposing = false;
    paxos->phase = PAXOS_IDLE;
    paxos->host.decided(paxos->host.context, value, len);
}

/* What was decided is told once. */
static void learn(struct paxos *paxos, int32_t acceptor, const struct paxos_message *m)
{
    if (!paxos->is_decided &&
        paxos_tallies_count(&paxos->tallies, m->ballot, acceptor, paxos->config.servers))
        decide(paxos, m->value, m->len);
}

/* --- the acceptor --- */

static void refuse(struct paxos *paxos, int32_t proposer, struct paxos_ballot ballot)
{
    send_to(paxos, proposer,
            &(struct paxos_message){.type = PAXOS_REFUSED,
                                    .ballot = ballot,
                                    .other = paxos->promised});
}

static void promise(struct paxos *paxos, struct paxos_ballot ballot)
{
    if (paxos_compare(ballot, paxos->promised) <= 0)
        return;
    paxos->promised = ballot;
    paxos->is_synced = false;
    paxos->host.save_promised(paxos->host.context, ballot);
}

/* Phase 1(b): "it responds to the request with a promise not to accept any more proposals numbered
 * less than n and with the highest-numbered proposal (if any) that it has accepted". */
static void on_prepare(struct paxos *paxos, int32_t proposer, struct paxos_ballot ballot)
{
    if (paxos_compare(ballot, paxos->promised) < 0) {
        refuse(paxos, proposer, ballot);
        return;
    }
    promise(paxos, ballot);
    send_to(paxos, proposer,
            &(struct paxos_message){
                .type = PAXOS_PROMISE,
                .ballot = ballot,
                .other = paxos->accepted,
                .value = paxos->accepted_value.data,
                .len = paxos->accepted_value.len,
            });
}

/* To accept is to promise, too.  False: no memory. */
static bool accept(struct paxos *paxos, struct paxos_ballot ballot, const uint8_t *value,
                   size_t len)
{
    if (paxos_compare(ballot, paxos->accepted) == 0)
        return true;
    if (!paxos_value_copy(&paxos->accepted_value, value, len))
        return false;
    paxos->accepted = ballot;
    paxos->promised = ballot;
    paxos->is_synced = false;
    paxos->host.save_accepted(paxos->host.context, ballot, paxos->accepted_value.data, len);
    return true;
}

/* This server is one of the learners. */
static void tell_accepted(struct paxos *paxos)
{
    struct paxos_message m = {
        .type = PAXOS_ACCEPTED,
        .ballot = paxos->accepted,
        .value = paxos->accepted_value.data,
        .len = paxos->accepted_value.len,
    };

    sync_all(paxos);
    send_to_all(paxos, &m);
    learn(paxos, paxos->config.id, &m);
}

/* Phase 2(b): "it accepts the proposal unless it has already responded to a prepare request having
 * a number greater than n". */
static void on_accept(struct paxos *paxos, int32_t proposer, const struct paxos_message *m)
{
    if (paxos_compare(m->ballot, paxos->promised) < 0)
        refuse(paxos, proposer, m->ballot);
    else if (accept(paxos, m->ballot, m->value, m->len))
        tell_accepted(paxos);
}

/* --- the proposer --- */

/* Phase 2(a): "where v is the value of the highest-numbered proposal among the responses, or is any
 * value if the responses reported no proposals".  It stays, whatever later promises tell. */
static void ask_to_accept(struct paxos *paxos)
{
    const struct paxos_value *value = paxos->met.round > 0 ? &paxos->met_value : &paxos->wish;
    struct paxos_message m = {.type = PAXOS_ACCEPT,
                              .ballot = paxos->ballot,
                              .value = value->data,
                              .len = value->len};

    paxos->phase = PAXOS_ACCEPTING;
    bool accepts = paxos_compare(paxos->ballot, paxos->promised) >= 0 &&
                   accept(paxos, m.ballot, m.value, m.len);
    send_to_all(paxos, &m);
    if (accepts)
        tell_accepted(paxos);
}

static void take_promise(struct paxos *paxos, int32_t from, const struct paxos_message *m)
{
    if (paxos_compare(m->other, paxos->met) > 0) {
        if (!paxos_value_copy(&paxos->met_value, m->value, m->len))
            return;
        paxos->met = m->other;
    }
    paxos->promises |= paxos_bit(from);
    if (paxos_is_quorum(paxos->promises, paxos->config.servers))
        ask_to_accept(paxos);
}

static void on_promise(struct paxos *paxos, int32_t from, const struct paxos_message *m)
{
    if (paxos->phase == PAXOS_PREPARING && paxos_compare(m->ballot, paxos->ballot) == 0)
        take_promise(paxos, from, m);
}

/* SplitMix64: Steele, Lea and Flood, Fast Splittable Pseudorandom Number Generators (2014). */
static uint64_t draw(struct paxos *paxos)
{
    uint64_t z = paxos->random += 0x9e3779b97f4a7c15;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

/* Two proposers that pause for the same time would refuse each other for ever. */
static void restart_pause(struct paxos *paxos)
{
    const struct paxos_config *config = &paxos->config;
    uint64_t choices = (uint64_t)(config->retry_max_ms - config->retry_min_ms) + 1;

    paxos->retry_due = paxos->now + config->retry_min_ms + (int64_t)(draw(paxos) % choices);
}

/* Phase 1(a).  Its own promise is saved before the first message: so no life uses a ballot
 * again. */
static void prepare(struct paxos *paxos)
{
    struct paxos_message m = {.type = PAXOS_PREPARE};
    struct paxos_message own = {.other = paxos->accepted,
                                .value = paxos->accepted_value.data,
                                .len = paxos->accepted_value.len};

    restart_pause(paxos);
    paxos->ballot = (struct paxos_ballot){++paxos->highest_round, paxos->config.id};
    paxos->phase = PAXOS_PREPARING;
    paxos->promises = 0;
    paxos->met = (struct paxos_ballot){0, 0};
    promise(paxos, paxos->ballot);
    m.ballot = paxos->ballot;
    send_to_all(paxos, &m);
    take_promise(paxos, paxos->config.id, &own);
}

/* --- what happens to a server --- */

static void advance(struct paxos *paxos, int64_t now)
{
    if (now > paxos->now)
        paxos->now = now;
}

/* A proposer speaks of its own ballots, and to a proposer one speaks of its.  Whoever accepts may
 * do so in any ballot. */
static bool is_possible(const struct paxos *paxos, int32_t from, const struct paxos_message *m)
{
    int32_t servers = paxos->config.servers, self = paxos->config.id;

    if (from < 1 || from > servers || from == self || m->ballot.server > servers ||
        m->other.server > servers)
        return false;
    switch (m->type) {
    case PAXOS_PREPARE:
    case PAXOS_ACCEPT: return m->ballot.server == from;
    case PAXOS_PROMISE:
    case PAXOS_REFUSED: return m->ballot.server == self;
    case PAXOS_ACCEPTED: break;
    }
    return true;
}

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
    if (paxos->is_proposing || paxos->is_decided || paxos->highest_round >= PAXOS_LAST_ROUND ||
        len > PAXOS_LARGEST_VALUE || !paxos_value_copy(&paxos->wish, value, len))
        return false;
    advance(paxos, now);
    paxos->is_proposing = true;
    prepare(paxos);
    return true;
}

int64_t paxos_deadline(const struct paxos *paxos)
{
    bool retries = paxos->is_proposing && paxos->highest_round < PAXOS_LAST_ROUND;

    return retries ? paxos->retry_due : INT64_MAX;
}

void paxos_tick(struct paxos *paxos, int64_t now)
{
    advance(paxos, now);
    if (paxos->now >= paxos_deadline(paxos))
        prepare(paxos);
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

/* What a former life saved may never have been flushed: so nothing is synced yet. */
struct paxos *paxos_new(const struct paxos_config *config, const struct paxos_host *host,
                        int64_t now)
{
    struct paxos *paxos = calloc(1, sizeof *paxos);

    if (paxos == NULL)
        return NULL;
    *paxos = (struct paxos){.config = *config,
                            .host = *host,
                            .now = now,
                            .random = config->seed,
                            .promised = config->promised,
                            .phase = PAXOS_IDLE};
    note_round(paxos, config->promised);
    return paxos;
}

int paxos_load(struct paxos *paxos, struct paxos_ballot accepted, const uint8_t *value, size_t len)
{
    if (!paxos_value_copy(&paxos->accepted_value, value, len)) {
        errno = ENOMEM;
        return -1;
    }
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
    paxos_value_free(&paxos->accepted_value);
    paxos_value_free(&paxos->wish);
    paxos_value_free(&paxos->met_value);
    paxos_tallies_free(&paxos->tallies);
    free(paxos);
}
