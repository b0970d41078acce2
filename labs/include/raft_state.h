/* raft_state.h - what the parts of a server share: raft.c (all that raft.h has; timers; what is
 * saved and sent), election.c, and replication.c (lab 6; lab 5 is given one that keeps no log).
 * Each part calls the others by these functions only.  A message that comes here is one that a
 * correct server may send; the server's term is no lower than its own, and for a reply the same. */
#ifndef RAFT_STATE_H
#define RAFT_STATE_H
#include "message.h"
#include "raft.h"

struct replication;
struct raft {
    struct raft_config config;
    struct raft_host host;
    enum raft_role role;
    int32_t term, voted_for, leader;
    int64_t now, election_due, heartbeat_due;
    uint64_t votes;  /* a candidate's: bit id - 1 for each server that granted its own */
    uint64_t random; /* the state of the generator that draws timeouts */
    bool is_synced;  /* all that was saved, by what is known: at the start, nothing is */
    uint8_t *buffer; /* the bytes of the message that is being sent */
    size_t capacity;
    struct message_reader *reader;
    struct replication *replication;
};

/* --- raft.c --- */
/* Save; from now on this is the server's term, and the vote in it (or RAFT_NOBODY). */
void raft_set_vote(struct raft *raft, int32_t term, int32_t voted_for);
void raft_save_entry(struct raft *raft, int32_t index, const struct log_entry *entry);
/* Syncs what was saved, if anything.  raft_send does so first: what a message promises outlives a
 * loss of power.  raft_send_early does not: for a leader's entries, which promise nothing. */
void raft_sync(struct raft *raft);
void raft_send(struct raft *raft, int32_t to, const struct message *message);
void raft_send_early(struct raft *raft, int32_t to, const struct message *message);
/* Draws a timeout: the election is due then. */
void raft_restart_election_timer(struct raft *raft);

/* --- election.c --- */
void election_begin(struct raft *raft);
/* Follows in this term, which is not lower than the server's: a leader, or RAFT_NOBODY so far. */
void election_follow(struct raft *raft, int32_t term, int32_t leader);
/* Another server leads in this term, as it says.  True if it is the one to be followed. */
bool election_heed(struct raft *raft, int32_t term, int32_t leader);
void election_on_request(struct raft *raft, const struct request_vote *request);
void election_on_reply(struct raft *raft, int32_t from, const struct request_vote_reply *reply);

/* --- replication.c --- */
struct replication *replication_new(void);
void replication_free(struct replication *replication);
int replication_load(struct raft *raft, int32_t term, const uint8_t *data, size_t len);
int32_t replication_propose(struct raft *raft, const uint8_t *data, size_t len); /* to a leader */
/* The place of the last entry; 0 and 0 before the first. */
void replication_last(const struct raft *raft, int32_t *index, int32_t *term);
int32_t replication_commit_index(const struct raft *raft);
/* This server leads from now on; and its heartbeats are due.  Both send to all others. */
void replication_lead(struct raft *raft);
void replication_beat(struct raft *raft);
/* What is due by now beside that, and when: INT64_MAX for never. */
void replication_tick(struct raft *raft);
int64_t replication_deadline(const struct raft *raft);
/* Entries of the leader; those of another, to be answered with success 0 and no more; a reply. */
void replication_on_request(struct raft *raft, const struct append_entries *request);
void replication_refuse(struct raft *raft, const struct append_entries *request);
void replication_on_reply(struct raft *raft, const struct append_entries_reply *reply);

#endif
