/* paxos.h - one server of single-decree Paxos as a state machine: servers that choose one value,
 * once.  (Lamport, Paxos Made Simple, 2001.)  Each is proposer, acceptor and learner; for itself it
 * does at once what it asks of the others by messages.  Calls, time and callbacks are as in raft.h.
 *
 *     u32 type | u32 payload_size | payload    little-endian; a value is the rest, and may be empty
 *     11 prepare   ballot                      to all others
 *     12 promise   ballot, accepted | value    accepted: a ballot; 0/0 and no value: none so far
 *     13 accept    ballot | value              to all others, or to those who promised
 *     14 accepted  ballot | value              to all others: each is a learner
 *     15 refused   ballot, promised            to a prepare or accept below the ballot promised
 *
 * A ballot is i32 round, i32 server (its proposer), compared in that order, and never used again;
 * rounds are 1 to PAXOS_LAST_ROUND, ids 1 to servers.  A quorum is over half of all servers. */
#ifndef PAXOS_H
#define PAXOS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PAXOS_MOST_SERVERS = 64, PAXOS_LARGEST_VALUE = 1 << 20, PAXOS_LAST_ROUND = INT32_MAX - 1 };
enum paxos_phase { PAXOS_IDLE, PAXOS_PREPARING, PAXOS_ACCEPTING }; /* of its own proposal */
struct paxos;
struct paxos_ballot {
    int32_t round, server; /* 0/0 is none */
};

/* What a server does.  Saved before told: a message's promise, and its ballot, are synced first. */
struct paxos_host {
    void *context;
    void (*send)(void *context, int32_t to, const uint8_t *message, size_t len);
    void (*save_promised)(void *context, struct paxos_ballot ballot);
    /* In place of what was accepted before.  It promises its ballot too: one save is enough. */
    void (*save_accepted)(void *context, struct paxos_ballot it, const uint8_t *value, size_t len);
    void (*sync)(void *context);
    /* This value is chosen: told once after each start, when a quorum accepted one ballot of it. */
    void (*decided)(void *context, const uint8_t *value, size_t len);
};
struct paxos_config {
    int32_t id, servers, retry_min_ms, retry_max_ms; /* at least 1; the times may be equal */
    uint64_t seed;                /* of the pauses: another one for each server and each start */
    struct paxos_ballot promised; /* as saved last, synced or not; 0/0 before that */
};
struct paxos_status {
    enum paxos_phase phase;
    struct paxos_ballot promised, accepted;
    bool is_decided;
};

/* NULL with errno (ENOMEM).  Load: what save_accepted kept, if anything, before any other call;
 * -1 with errno (ENOMEM). */
struct paxos *paxos_new(const struct paxos_config *config, const struct paxos_host *host,
                        int64_t now);
int paxos_load(struct paxos *paxos, struct paxos_ballot accepted, const uint8_t *value, size_t len);
void paxos_free(struct paxos *paxos);
/* Prepares a ballot above all that it knows, now; and again with a new one after each pause drawn
 * from retry_min to retry_max, until it has decided.  False, and nothing happens: it does that
 * already, has decided, knows of the last round (nor is there a retry), or the value is too big. */
bool paxos_propose(struct paxos *paxos, int64_t now, const uint8_t *value, size_t len);
void paxos_tick(struct paxos *paxos, int64_t now);
int64_t paxos_deadline(const struct paxos *paxos); /* of the next retry; INT64_MAX: there is none */
struct paxos_status paxos_status(const struct paxos *paxos);
/* A message of the server from.  False for one that no correct server sends: malformed; of none of
 * the others; of another's ballot, or a reply to it.  Nothing changes.  (No memory: it is lost.) */
bool paxos_receive(struct paxos *paxos, int64_t now, int32_t from, const uint8_t *message,
                   size_t len);
#endif
