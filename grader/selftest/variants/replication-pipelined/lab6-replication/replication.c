/* replication.c - a log that is sent in a stream: several requests are on their way to each server.
 *
 * A new leader asks with empty requests where a server's log meets its own, and then sends entries
 * without waiting for replies, WINDOW requests at most.  What was not acknowledged goes again with
 * the next heartbeat.  A commit is told at once.  No entry is sent before it is on the leader's own
 * disk.  There is no empty entry at the start: what older terms left is committed by the first
 * proposal. */
#include "log.h"
#include "raft_state.h"

#include <stdlib.h>

enum {
    LAST_INDEX = INT32_MAX - 1,
    REQUEST_SIZE = 28,
    ENTRY_SIZE = 8,
    LARGEST_ENTRY = MESSAGE_LARGEST_PAYLOAD - REQUEST_SIZE - ENTRY_SIZE,
    BATCH_SIZE = 1 << 16, /* or one entry, if that is larger */
    WINDOW = 8,
};

/* While the logs have not met, prev of all requests from probe_seq on is next - 1. */
struct peer {
    bool is_met; /* they are the same up to match, and all that comes before next was sent */
    int32_t match, next;
    uint32_t seq, acked, probe_seq;
};

struct replication {
    struct log *log;
    int32_t commit_index;
    int32_t synced; /* a leader's own match */
    struct peer peers[RAFT_MOST_SERVERS + 1];
};

struct replication *replication_new(void)
{
    struct replication *self = calloc(1, sizeof *self);

    if (self == NULL)
        return NULL;
    self->log = log_new();
    if (self->log != NULL)
        return self;
    free(self);
    return NULL;
}

void replication_free(struct replication *self)
{
    if (self == NULL)
        return;
    log_free(self->log);
    free(self);
}

int replication_load(struct raft *raft, int32_t term, const uint8_t *data, size_t len)
{
    struct log_entry entry = {.term = term, .size = (uint32_t)len, .data = data};

    return log_append(raft->replication->log, &entry) ? 0 : -1;
}

static int32_t term_at(const struct replication *self, int32_t index)
{
    return log_from(self->log, index)->term;
}

void replication_last(const struct raft *raft, int32_t *index, int32_t *term)
{
    *index = log_last(raft->replication->log);
    *term = term_at(raft->replication, *index);
}

int32_t replication_commit_index(const struct raft *raft)
{
    return raft->replication->commit_index;
}

static bool append_and_save(struct raft *raft, const struct log_entry *entry)
{
    struct log *log = raft->replication->log;

    if (!log_append(log, entry))
        return false;
    raft_save_entry(raft, log_last(log), log_from(log, log_last(log)));
    return true;
}

/* Figure 2, All Servers: "If commitIndex > lastApplied: increment lastApplied, apply
 * log[lastApplied] to state machine".  Here the two are the same. */
static void commit_up_to(struct raft *raft, int32_t index)
{
    struct replication *self = raft->replication;

    while (self->commit_index < index) {
        const struct log_entry *entry = log_from(self->log, ++self->commit_index);
        raft->host.apply(raft->host.context, self->commit_index, entry->term, entry->data,
                         entry->size);
    }
}

/* --- a leader asks --- */

static void ask(struct raft *raft, int32_t to, int32_t prev, int32_t count)
{
    struct replication *self = raft->replication;
    struct peer *peer = &self->peers[to];
    struct message m = {
        .type = APPEND_ENTRIES,
        .append_entries = {.term = raft->term,
                           .leader_id = raft->config.id,
                           .prev_log_index = prev,
                           .prev_log_term = term_at(self, prev),
                           .leader_commit = self->commit_index,
                           .seq = ++peer->seq,
                           .entry_count = (uint32_t)count,
                           .entries = log_from(self->log, prev + 1)},
    };

    raft_send(raft, to, &m);
}

/* How many entries behind prev go into one request. */
static int32_t batch(const struct replication *self, int32_t prev)
{
    const struct log_entry *entries = log_from(self->log, prev + 1);
    int32_t most = log_last(self->log) - prev, count = 0;
    size_t size = 0;

    while (count < most && (count == 0 || size + entries[count].size <= BATCH_SIZE))
        size += ENTRY_SIZE + entries[count++].size;
    return count;
}

static void ask_next(struct raft *raft, int32_t to)
{
    struct peer *peer = &raft->replication->peers[to];
    int32_t count = batch(raft->replication, peer->next - 1);

    ask(raft, to, peer->next - 1, count);
    peer->next += count;
}

static void stream(struct raft *raft, int32_t to)
{
    const struct replication *self = raft->replication;
    const struct peer *peer = &self->peers[to];

    while (peer->is_met && peer->next <= log_last(self->log) && peer->seq - peer->acked < WINDOW)
        ask_next(raft, to);
}

static void probe(struct raft *raft, int32_t to)
{
    ask(raft, to, raft->replication->peers[to].next - 1, 0);
}

/* All that is not acknowledged, as far as it fits.  What is not answered by now may be lost. */
static void beat_one(struct raft *raft, int32_t to)
{
    struct peer *peer = &raft->replication->peers[to];

    peer->acked = peer->seq;
    if (!peer->is_met) {
        probe(raft, to);
        return;
    }
    int32_t sent_before = peer->next;
    peer->next = peer->match + 1;
    ask_next(raft, to);
    if (peer->next < sent_before)
        peer->next = sent_before;
    stream(raft, to);
}

static void for_each_other(struct raft *raft, void (*act)(struct raft *raft, int32_t to))
{
    for (int32_t to = 1; to <= raft->config.servers; to++) {
        if (to != raft->config.id)
            act(raft, to);
    }
}

static void sync_own(struct raft *raft)
{
    raft_sync(raft);
    raft->replication->synced = log_last(raft->replication->log);
}

void replication_beat(struct raft *raft)
{
    sync_own(raft);
    for_each_other(raft, beat_one);
}

/* A seq that begins just below 2^32 wraps early. */
void replication_lead(struct raft *raft)
{
    struct replication *self = raft->replication;
    uint32_t seq = UINT32_MAX - (uint32_t)raft->term % WINDOW;

    for (int32_t to = 1; to <= raft->config.servers; to++)
        self->peers[to] = (struct peer){.next = log_last(self->log) + 1,
                                        .seq = seq,
                                        .acked = seq,
                                        .probe_seq = seq + 1};
    replication_beat(raft);
}

int32_t replication_propose(struct raft *raft, const uint8_t *data, size_t len)
{
    struct log *log = raft->replication->log;
    struct log_entry entry = {.term = raft->term, .size = (uint32_t)len, .data = data};

    if (len > LARGEST_ENTRY || log_last(log) >= LAST_INDEX || !append_and_save(raft, &entry))
        return 0;
    return log_last(log);
}

/* --- a leader learns --- */

/* The highest index that a majority has: of all matches, sorted downward, the one in the middle. */
static int32_t majority_match(const struct raft *raft)
{
    const struct replication *self = raft->replication;
    int32_t matches[RAFT_MOST_SERVERS] = {0};
    int32_t count = 0;

    for (int32_t id = 1; id <= raft->config.servers; id++) {
        int32_t match = id == raft->config.id ? self->synced : self->peers[id].match;
        int32_t place = count++;
        for (; place > 0 && matches[place - 1] < match; place--)
            matches[place] = matches[place - 1];
        matches[place] = match;
    }
    return matches[count / 2];
}

static void tell_commit(struct raft *raft, int32_t to)
{
    const struct replication *self = raft->replication;
    const struct peer *peer = &self->peers[to];

    if (peer->is_met && peer->match >= self->commit_index)
        ask(raft, to, peer->match, 0);
}

/* 5.4.2: "Raft never commits log entries from previous terms by counting replicas". */
static void count(struct raft *raft)
{
    const struct replication *self = raft->replication;
    int32_t index = majority_match(raft);

    if (index <= self->commit_index || term_at(self, index) != raft->term)
        return;
    commit_up_to(raft, index);
    for_each_other(raft, tell_commit);
}

static bool has_unsynced(const struct raft *raft)
{
    return raft->role == RAFT_LEADER &&
           raft->replication->synced < log_last(raft->replication->log);
}

void replication_tick(struct raft *raft)
{
    if (raft->role != RAFT_LEADER)
        return;
    sync_own(raft);
    for_each_other(raft, stream);
    count(raft);
}

int64_t replication_deadline(const struct raft *raft)
{
    return has_unsynced(raft) ? raft->now : INT64_MAX;
}

/* A refusal of what was asked before next went back last is late.  Else next goes down, never up and
 * never to match, so the logs meet some time. */
static void go_back(struct raft *raft, const struct append_entries_reply *reply)
{
    struct peer *peer = &raft->replication->peers[reply->follower_id];
    int32_t refused = peer->next - 1;

    if (reply->ack - peer->probe_seq > INT32_MAX || refused <= peer->match)
        return;
    peer->next = reply->log_index < refused ? reply->log_index + 1 : refused;
    if (peer->next <= peer->match)
        peer->next = peer->match + 1;
    peer->is_met = false;
    peer->probe_seq = peer->seq + 1;
    probe(raft, reply->follower_id);
}

static void go_on(struct raft *raft, const struct append_entries_reply *reply)
{
    struct peer *peer = &raft->replication->peers[reply->follower_id];

    if (reply->log_index > log_last(raft->replication->log))
        return;
    if (reply->log_index > peer->match)
        peer->match = reply->log_index;
    if (!peer->is_met || peer->next <= peer->match)
        peer->next = peer->match + 1;
    peer->is_met = true;
    count(raft);
    stream(raft, reply->follower_id);
}

void replication_on_reply(struct raft *raft, const struct append_entries_reply *reply)
{
    struct peer *peer = &raft->replication->peers[reply->follower_id];

    if (raft->role != RAFT_LEADER)
        return;
    if (peer->seq - reply->ack < peer->seq - peer->acked)
        peer->acked = reply->ack;
    if (reply->success)
        go_on(raft, reply);
    else
        go_back(raft, reply);
}

/* --- a follower --- */

static void answer(struct raft *raft, const struct append_entries *request, bool success,
                   int32_t log_index)
{
    struct message m = {
        .type = APPEND_ENTRIES_REPLY,
        .append_entries_reply = {.term = raft->term,
                                 .follower_id = raft->config.id,
                                 .log_index = log_index,
                                 .success = success,
                                 .follower_commit = raft->replication->commit_index,
                                 .ack = request->seq},
    };

    raft_send(raft, request->leader_id, &m);
}

/* What is committed here is in the leader's log as well: a hint that is always right. */
void replication_refuse(struct raft *raft, const struct append_entries *request)
{
    answer(raft, request, false, raft->replication->commit_index);
}

/* What the leader does not have is of no use to anybody.  It was never saved that it is gone: after
 * a restart it would only be found again. */
static bool check_prev(struct replication *self, const struct append_entries *request)
{
    if (log_has(self->log, request->prev_log_index, request->prev_log_term))
        return true;
    if (request->prev_log_index > self->commit_index)
        log_cut(self->log, request->prev_log_index);
    return false;
}

void replication_on_request(struct raft *raft, const struct append_entries *request)
{
    struct replication *self = raft->replication;
    const struct log_entry *entry = request->entries;
    int32_t index = request->prev_log_index, end = index + (int32_t)request->entry_count;

    if (!check_prev(self, request)) {
        replication_refuse(raft, request);
        return;
    }
    while (index < end && log_has(self->log, index + 1, entry->term)) {
        index++;
        entry++;
    }
    if (index < end && index < self->commit_index) {
        replication_refuse(raft, request);
        return;
    }
    if (index < end)
        log_cut(self->log, index + 1);
    for (; index < end; index++, entry++) {
        if (!append_and_save(raft, entry))
            return;
    }
    commit_up_to(raft, request->leader_commit < end ? request->leader_commit : end);
    answer(raft, request, true, end);
}
