/* raft.c - the frame of a server: calls come in, time passes, and what is saved or sent goes out.
 *
 * Two rules hold whatever the role is, and so they are kept here: nothing is sent before what was
 * saved is synced, and a newer term makes a follower. */
#include "raft_state.h"

#include "message_reader.h"

#include <stdlib.h>

/* --- what is saved --- */

void raft_set_vote(struct raft *raft, int32_t term, int32_t voted_for)
{
    raft->term = term;
    raft->voted_for = voted_for;
    raft->is_synced = false;
    raft->host.save_vote(raft->host.context, term, voted_for);
}

/* Given, for lab 6. */
void raft_save_entry(struct raft *raft, int32_t index, const struct log_entry *entry)
{
    raft->is_synced = false;
    raft->host.save_entry(raft->host.context, index, entry->term, entry->data, entry->size);
}

void raft_sync(struct raft *raft)
{
    if (raft->is_synced)
        return;
    raft->host.sync(raft->host.context);
    raft->is_synced = true;
}

/* --- what is sent --- */

static bool make_room(struct raft *raft, size_t size)
{
    if (size <= raft->capacity)
        return true;
    uint8_t *buffer = realloc(raft->buffer, size);
    if (buffer == NULL)
        return false;
    raft->buffer = buffer;
    raft->capacity = size;
    return true;
}

/* What there is no memory for gets lost, as any message may. */
void raft_send_early(struct raft *raft, int32_t to, const struct message *message)
{
    size_t size = message_size(message);

    if (size == 0 || !make_room(raft, size))
        return;
    message_encode(message, raft->buffer, size);
    raft->host.send(raft->host.context, to, raft->buffer, size);
}

void raft_send(struct raft *raft, int32_t to, const struct message *message)
{
    raft_sync(raft);
    raft_send_early(raft, to, message);
}

/* --- time --- */

static void advance(struct raft *raft, int64_t now)
{
    if (now > raft->now)
        raft->now = now;
}

/* Splitmix64 (Steele, Lea and Flood 2014). */
static uint64_t draw(struct raft *raft)
{
    uint64_t z = raft->random += 0x9e3779b97f4a7c15;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

/* Of 2^64 numbers, the few that are left over by the remainder do not matter. */
void raft_restart_election_timer(struct raft *raft)
{
    int64_t min = raft->config.election_min_ms, max = raft->config.election_max_ms;
    uint64_t choices = (uint64_t)(max - min) + 1;

    raft->election_due = raft->now + min + (int64_t)(draw(raft) % choices);
}

void raft_tick(struct raft *raft, int64_t now)
{
    advance(raft, now);
    if (raft->role == RAFT_LEADER) {
        if (raft->now >= raft->heartbeat_due) {
            raft->heartbeat_due = raft->now + raft->config.heartbeat_ms;
            replication_beat(raft);
        }
    } else if (raft->now >= raft->election_due) {
        election_begin(raft);
    }
    replication_tick(raft);
}

int64_t raft_deadline(const struct raft *raft)
{
    int64_t own = raft->role == RAFT_LEADER ? raft->heartbeat_due : raft->election_due;
    int64_t replication = replication_deadline(raft);

    return own < replication ? own : replication;
}

/* --- messages --- */

static int32_t term_of(const struct message *m)
{
    switch (m->type) {
    case REQUEST_VOTE: return m->request_vote.term;
    case REQUEST_VOTE_REPLY: return m->request_vote_reply.term;
    case APPEND_ENTRIES: return m->append_entries.term;
    case APPEND_ENTRIES_REPLY: return m->append_entries_reply.term;
    }
    return 0;
}

/* A vote's reply names nobody: its connection has to tell. */
static int32_t sender_of(const struct message *m, int32_t from)
{
    switch (m->type) {
    case REQUEST_VOTE: return m->request_vote.candidate_id;
    case REQUEST_VOTE_REPLY: return from;
    case APPEND_ENTRIES: return m->append_entries.leader_id;
    case APPEND_ENTRIES_REPLY: return m->append_entries_reply.follower_id;
    }
    return RAFT_NOBODY;
}

static bool is_unknown_vote(const struct message *m, int32_t from)
{
    return m->type == REQUEST_VOTE_REPLY && from == RAFT_NOBODY;
}

static bool is_possible(const struct raft *raft, int32_t from, const struct message *m)
{
    int32_t sender = sender_of(m, from);

    if (term_of(m) == INT32_MAX)
        return false;
    if (!is_unknown_vote(m, from) &&
        (sender < 1 || sender > raft->config.servers || sender == raft->config.id))
        return false;
    if (m->type == APPEND_ENTRIES)
        return (int64_t)m->append_entries.prev_log_index + m->append_entries.entry_count <
               INT32_MAX;
    if (m->type == APPEND_ENTRIES_REPLY)
        return m->append_entries_reply.log_index < INT32_MAX;
    return true;
}

static void on_append_entries(struct raft *raft, const struct append_entries *request)
{
    if (election_heed(raft, request->term, request->leader_id))
        replication_on_request(raft, request);
    else
        replication_refuse(raft, request);
}

/* A reply of an older term is about what is over. */
static void dispatch(struct raft *raft, int32_t from, const struct message *m)
{
    bool is_old = term_of(m) < raft->term;

    switch (m->type) {
    case REQUEST_VOTE: election_on_request(raft, &m->request_vote); break;
    case REQUEST_VOTE_REPLY:
        if (!is_old)
            election_on_reply(raft, from, &m->request_vote_reply);
        break;
    case APPEND_ENTRIES: on_append_entries(raft, &m->append_entries); break;
    case APPEND_ENTRIES_REPLY:
        if (!is_old && raft->role == RAFT_LEADER)
            replication_on_reply(raft, &m->append_entries_reply);
        break;
    }
}

/* Figure 2, all servers: "If RPC request or response contains term T > currentTerm: set
 * currentTerm = T, convert to follower". */
bool raft_receive(struct raft *raft, int64_t now, int32_t from, const uint8_t *message, size_t len)
{
    struct message m;
    size_t size;
    enum message_result result = message_read(raft->reader, message, len, &m, &size);

    if (result == MESSAGE_NO_MEMORY)
        return true;
    if (result != MESSAGE_DONE || size != len || !is_possible(raft, from, &m))
        return false;
    advance(raft, now);
    if (is_unknown_vote(&m, from))
        return true;
    if (term_of(&m) > raft->term)
        election_follow(raft, term_of(&m), RAFT_NOBODY);
    dispatch(raft, from, &m);
    return true;
}

/* --- the rest of raft.h --- */

struct raft_status raft_status(const struct raft *raft)
{
    struct raft_status status = {
        .role = raft->role,
        .term = raft->term,
        .voted_for = raft->voted_for,
        .leader = raft->leader,
        .commit_index = replication_commit_index(raft),
    };
    int32_t last_term;

    replication_last(raft, &status.last_index, &last_term);
    return status;
}

/* Given, for lab 6. */
int raft_load(struct raft *raft, int32_t term, const uint8_t *data, size_t len)
{
    return replication_load(raft, term, data, len);
}

/* Given, for lab 6. */
int32_t raft_propose(struct raft *raft, int64_t now, const uint8_t *data, size_t len)
{
    advance(raft, now);
    return raft->role == RAFT_LEADER ? replication_propose(raft, data, len) : 0;
}

/* What was saved last may not be synced: is_synced stays false. */
struct raft *raft_new(const struct raft_config *config, const struct raft_host *host, int64_t now)
{
    struct raft *raft = calloc(1, sizeof *raft);

    if (raft == NULL)
        return NULL;
    raft->config = *config;
    raft->host = *host;
    raft->reader = message_reader_new();
    raft->replication = replication_new();
    if (raft->reader == NULL || raft->replication == NULL) {
        raft_free(raft);
        return NULL;
    }
    raft->role = RAFT_FOLLOWER;
    raft->term = config->term;
    raft->voted_for = config->voted_for;
    raft->leader = RAFT_NOBODY;
    raft->random = config->seed;
    raft->now = now;
    raft_restart_election_timer(raft);
    return raft;
}

void raft_free(struct raft *raft)
{
    if (raft == NULL)
        return;
    message_reader_free(raft->reader);
    replication_free(raft->replication);
    free(raft->buffer);
    free(raft);
}
