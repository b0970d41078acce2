/* raft.h - one server of a Raft cluster as a state machine: what happens to it are calls, what it
 * does are callbacks.  It has no clock, disk or network of its own: what it does depends on its
 * calls alone.  (Ongaro and Ousterhout, In Search of an Understandable Consensus Algorithm, figure
 * 2.)  Times are milliseconds of a clock of the caller's; one that runs backward stands still. */
#ifndef RAFT_H
#define RAFT_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RAFT_NOBODY = 0, RAFT_MOST_SERVERS = 64 };
enum raft_role { RAFT_FOLLOWER, RAFT_CANDIDATE, RAFT_LEADER };
struct raft;

/* What a server does.  Data is lent for the call.  No callback calls the server back.  One that
 * fails to save or to sync does not return: what can't be kept must not be promised. */
struct raft_host {
    void *context;
    /* A message to the server with this id; it may get lost. */
    void (*send)(void *context, int32_t to, const uint8_t *message, size_t len);
    /* From now on this is the term, and the vote in it (or RAFT_NOBODY). */
    void (*save_vote)(void *context, int32_t term, int32_t voted_for);
    /* Lab 6.  An entry of the log; it drops all from this index on that was saved before. */
    void (*save_entry)(void *context, int32_t index, int32_t term, const uint8_t *data, size_t len);
    /* On return all that was saved outlives a loss of power. */
    void (*sync)(void *context);
    /* Lab 6.  The entry is committed: in the order of indexes, from the first on at each start. */
    void (*apply)(void *context, int32_t index, int32_t term, const uint8_t *data, size_t len);
};

struct raft_config {
    int32_t id, servers; /* the ids are 1 to servers, at most RAFT_MOST_SERVERS */
    int32_t election_min_ms, election_max_ms, heartbeat_ms; /* at least 1; min may be max */
    uint64_t seed;           /* of the timeouts: another one for each server and each start */
    int32_t term, voted_for; /* as saved last, synced or not; 0 and RAFT_NOBODY before that */
};

struct raft_status {
    enum raft_role role;
    int32_t term, voted_for, leader; /* leader: of this term, once it is known; else RAFT_NOBODY */
    int32_t last_index, commit_index;
};

/* A follower.  NULL with errno (ENOMEM). */
struct raft *raft_new(const struct raft_config *config, const struct raft_host *host, int64_t now);
void raft_free(struct raft *raft);

/* Does what is due by now: an election, heartbeats.  To be called when raft_deadline says so, or
 * at any other time.  That deadline moves with each of the calls here. */
void raft_tick(struct raft *raft, int64_t now);
int64_t raft_deadline(const struct raft *raft);
struct raft_status raft_status(const struct raft *raft);

/* A message, on the connection of the server from (RAFT_NOBODY: not known; a vote is then ignored).
 * False for one that no correct server sends: malformed; from this server, or from none of the
 * cluster; a term or log_index of INT32_MAX, or a prev_log_index + entry_count that is no less.
 * Nothing has changed then, and the connection should be closed.  (No memory: it is lost.) */
bool raft_receive(struct raft *raft, int64_t now, int32_t from, const uint8_t *message, size_t len);

/* Lab 6.  The saved entries, in order, before any other call.  -1 with errno (ENOMEM). */
int raft_load(struct raft *raft, int32_t term, const uint8_t *data, size_t len);
/* Lab 6.  Appends to the log of a leader, and saves, no more: the deadline is then now, and
 * raft_tick sends.  The index of the entry, or 0: this is no leader, or its log is full. */
int32_t raft_propose(struct raft *raft, int64_t now, const uint8_t *data, size_t len);

#endif
