/* raft.c - the frame of a server: calls come in, time passes, and what is saved or sent goes out.
 *
 * What holds for every server, whatever its role, is kept here, so that no other part forgets it: a
 * message that no correct server sends is refused before anything changes; a newer term is adopted
 * before its message is obeyed; and all that was saved is synced before a message goes. */
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

static bool reserve(struct raft *raft, size_t size)
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

/* Without memory the message is lost: Raft lives with that. */
void raft_send_early(struct raft *raft, int32_t to, const struct message *message)
{
    size_t size = message_size(message);

    if (size == 0 || !reserve(raft, size))
        return;
    message_encode(message, raft->buffer, size);
    raft->host.send(raft->host.context, to, raft->buffer, size);
}

/* Figure 2, State: "Updated on stable storage before responding to RPCs". */
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

/* SplitMix64: Steele, Lea and Flood, Fast Splittable Pseudorandom Number Generators (2014). */
static uint64_t draw(struct raft *raft)
{
    uint64_t z = raft->random += 0x9e3779b97f4a7c15;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

/* 5.2: "election timeouts are chosen randomly from a fixed interval", so that split votes are rare.
 * Of 2^64 numbers the remainder favours none of the choices by more than one in 2^33. */
void raft_restart_election_timer(struct raft *raft)
{
    const struct raft_config *config = &raft->config;
    uint64_t choices = (uint64_t)(config->election_max_ms - config->election_min_ms) + 1;

    raft->election_due = raft->now + config->election_min_ms + (int64_t)(draw(raft) % choices);
}

static void beat(struct raft *raft)
{
    raft->heartbeat_due = raft->now + raft->config.heartbeat_ms;
    replication_beat(raft);
}

void raft_tick(struct raft *raft, int64_t now)
{
    advance(raft, now);
    if (raft->role == RAFT_LEADER && raft->now >= raft->heartbeat_due)
        beat(raft);
    else if (raft->role != RAFT_LEADER && raft->now >= raft->election_due)
        election_begin(raft);
    replication_tick(raft);
}

int64_t raft_deadline(const struct raft *raft)
{
    int64_t due = raft->role == RAFT_LEADER ? raft->heartbeat_due : raft->election_due;
    int64_t replication_due = replication_deadline(raft);

    return due < replication_due ? due : replication_due;
}

/* --- messages --- */

/* All four begin with their term, so any of them may be asked for it: C11, 6.5.2.3, paragraph 6. */
static int32_t term_of(const struct message *m)
{
    return m->request_vote.term;
}

static int32_t sender_of(const struct message *m, int32_t from)
{
    switch (m->type) {
    case REQUEST_VOTE: return m->request_vote.candidate_id;
    case APPEND_ENTRIES: return m->append_entries.leader_id;
    case APPEND_ENTRIES_REPLY: return m->append_entries_reply.follower_id;
    default: return from; /* a vote names no voter, so the connection does */
    }
}

/* The index that the log of one side reaches, by what the message says. */
static int64_t index_of(const struct message *m)
{
    switch (m->type) {
    case APPEND_ENTRIES:
        return (int64_t)m->append_entries.prev_log_index + m->append_entries.entry_count;
    case APPEND_ENTRIES_REPLY: return m->append_entries_reply.log_index;
    default: return 0;
    }
}

static bool is_vote_of_unknown(const struct message *m, int32_t from)
{
    return m->type == REQUEST_VOTE_REPLY && from == RAFT_NOBODY;
}

/* No term and no index reaches INT32_MAX (see election_begin): so one more is always a number. */
static bool is_possible(const struct raft *raft, int32_t from, const struct message *m)
{
    int32_t sender = sender_of(m, from);
    bool is_other = sender >= 1 && sender <= raft->config.servers && sender != raft->config.id;

    return (is_other || is_vote_of_unknown(m, from)) && term_of(m) < INT32_MAX &&
           index_of(m) < INT32_MAX;
}

static void obey_append_entries(struct raft *raft, const struct append_entries *request)
{
    if (election_heed(raft, request->term, request->leader_id))
        replication_on_request(raft, request);
    else
        replication_refuse(raft, request);
}

/* A request of an old term is answered, so that its sender learns of the new one.  A reply of an
 * old term answers what is no longer asked. */
static void obey(struct raft *raft, int32_t from, const struct message *m)
{
    bool is_current = term_of(m) == raft->term;

    if (m->type == REQUEST_VOTE)
        election_on_request(raft, &m->request_vote);
    else if (m->type == APPEND_ENTRIES)
        obey_append_entries(raft, &m->append_entries);
    else if (m->type == REQUEST_VOTE_REPLY && is_current)
        election_on_reply(raft, from, &m->request_vote_reply);
    else if (m->type == APPEND_ENTRIES_REPLY && is_current)
        replication_on_reply(raft, &m->append_entries_reply);
}

/* Figure 2, All Servers: "If RPC request or response contains term T > currentTerm: set currentTerm
 * = T, convert to follower". */
bool raft_receive(struct raft *raft, int64_t now, int32_t from, const uint8_t *message, size_t len)
{
    struct message m;
    size_t size;
    enum message_result result = message_read(raft->reader, message, len, &m, &size);

    if (result == MESSAGE_NO_MEMORY)
        return true;
    if (result != MESSAGE_DONE || size != len || !is_possible(raft, from, &m))
        return false;
    if (is_vote_of_unknown(&m, from))
        return true;
    advance(raft, now);
    if (term_of(&m) > raft->term)
        election_follow(raft, term_of(&m), RAFT_NOBODY);
    obey(raft, from, &m);
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

int raft_load(struct raft *raft, int32_t term, const uint8_t *data, size_t len)
{
    return replication_load(raft, term, data, len);
}

int32_t raft_propose(struct raft *raft, int64_t now, const uint8_t *data, size_t len)
{
    advance(raft, now);
    return raft->role == RAFT_LEADER ? replication_propose(raft, data, len) : 0;
}

struct raft *raft_new(const struct raft_config *config, const struct raft_host *host, int64_t now)
{
    struct raft *raft = calloc(1, sizeof *raft);

    if (raft == NULL)
        return NULL;
    *raft = (struct raft){
        .config = *config,
        .host = *host,
        .term = config->term,
        .voted_for = config->voted_for,
        .now = now,
        .random = config->seed,
        .is_synced = false, /* a former life may have ended between a save and its sync */
        .reader = message_reader_new(),
        .replication = replication_new(),
    };
    if (raft->reader == NULL || raft->replication == NULL) {
        raft_free(raft);
        return NULL;
    }
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
