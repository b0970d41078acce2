/* replication.c - the log, from the leader to all others: sections 5.3 and 5.4 of the paper, and its
 * figure 2.
 *
 * To each other server at most one request with entries is on its way.  Whatever is proposed until
 * its reply comes waits, and goes together: so the busier a leader is, the larger its batches are.
 * Heartbeats go out meanwhile; the reply to one of them tells that what was asked before it is lost.
 *
 * What a leader knows of another server grows only: match.  Where to go on, next, is a guess, and
 * each refusal brings it down, never to what is known to match. */
#include "replication.h"

#include "log.h"

#include <stdlib.h>

enum {
    LAST_INDEX = INT32_MAX - 1, /* there is no entry after it: see raft.h */
    BATCH_SIZE = 512 * 1024,    /* bytes of a request with more than one entry */
    REQUEST_SIZE = 28,          /* of a payload without entries */
    ENTRY_SIZE = 8,             /* of one without data */
    LARGEST_ENTRY = MESSAGE_LARGEST_PAYLOAD - REQUEST_SIZE - ENTRY_SIZE,
};

struct replication *replication_new(void)
{
    struct replication *replication = calloc(1, sizeof *replication);

    if (replication == NULL)
        return NULL;
    replication->seq = UINT64_C(1) << 32; /* whatever an ack says, there is one: see seq_of */
    replication->log = log_new();
    if (replication->log != NULL)
        return replication;
    free(replication);
    return NULL;
}

void replication_free(struct replication *replication)
{
    if (replication == NULL)
        return;
    log_free(replication->log);
    free(replication);
}

void replication_last(const struct raft *raft, int32_t *index, int32_t *term)
{
    *index = log_last(raft->replication->log);
    *term = log_term(raft->replication->log, *index);
}

int32_t replication_commit_index(const struct raft *raft)
{
    return raft->replication->commit_index;
}

int replication_load(struct raft *raft, int32_t term, const uint8_t *data, size_t len)
{
    struct log_entry entry = {term, (uint32_t)len, data};

    return log_append(raft->replication->log, &entry) ? 0 : -1;
}

/* Figure 2, All Servers: "If commitIndex > lastApplied: increment lastApplied, apply
 * log[lastApplied] to state machine". */
static void commit(struct raft *raft, int32_t index)
{
    struct replication *self = raft->replication;

    if (index > self->commit_index)
        self->commit_index = index;
    while (self->applied < self->commit_index) {
        const struct log_entry *entry = log_at(self->log, ++self->applied);
        raft->host.apply(raft->host.context, self->applied, entry->term, entry->data, entry->size);
    }
}

static bool append(struct raft *raft, const struct log_entry *entry)
{
    bool is_there = log_append(raft->replication->log, entry);

    if (is_there)
        raft_save_entry(raft, log_last(raft->replication->log), entry);
    return is_there;
}

/* --- a leader asks --- */

/* From index first on: as many as go into one request, or none. */
static uint32_t count_batch(const struct log *log, int32_t first)
{
    uint32_t most = (uint32_t)(log_last(log) + 1 - first), count = 0;
    size_t size = 0;

    while (count < most) {
        size += ENTRY_SIZE + log_at(log, first)[count].size;
        if (count > 0 && size > BATCH_SIZE)
            break;
        count++;
    }
    return count;
}

/* These promise nothing, so they may leave before they are on this server's own disk: section
 * 10.2.1 of Ongaro's dissertation, Consensus: Bridging Theory and Practice. */
static void ask(struct raft *raft, int32_t to, int32_t prev, uint32_t count)
{
    struct replication *self = raft->replication;
    struct message m = {
        .type = APPEND_ENTRIES,
        .append_entries =
            {
                .term = raft->term,
                .leader_id = raft->config.id,
                .prev_log_index = prev,
                .prev_log_term = log_term(self->log, prev),
                .leader_commit = self->commit_index,
                .seq = (uint32_t)++self->seq,
                .entry_count = count,
                .entries = count > 0 ? log_at(self->log, prev + 1) : NULL,
            },
    };

    raft_send_early(raft, to, &m);
}

/* "If last log index >= nextIndex for a follower: send AppendEntries RPC with log entries starting
 * at nextIndex". */
static void ask_from_next(struct raft *raft, int32_t to)
{
    struct peer *peer = &raft->replication->peers[to];
    uint32_t count = count_batch(raft->replication->log, peer->next);

    ask(raft, to, peer->next - 1, count);
    peer->asked = raft->replication->seq;
    peer->asked_prev = peer->next - 1;
    peer->is_waiting = count > 0;
}

static void ask_for_news(struct raft *raft, int32_t to)
{
    const struct peer *peer = &raft->replication->peers[to];

    if (!peer->is_waiting && peer->next <= log_last(raft->replication->log))
        ask_from_next(raft, to);
}

/* Beside a request on its way goes one that asks for nothing new: what is known to match does. */
static void beat_one(struct raft *raft, int32_t to)
{
    const struct peer *peer = &raft->replication->peers[to];

    if (peer->is_waiting)
        ask(raft, to, peer->match, 0);
    else
        ask_from_next(raft, to);
}

static void for_each_other(struct raft *raft, void (*what)(struct raft *raft, int32_t to))
{
    for (int32_t to = 1; to <= raft->config.servers; to++) {
        if (to != raft->config.id)
            what(raft, to);
    }
}

void replication_beat(struct raft *raft)
{
    raft->replication->has_read = false;
    for_each_other(raft, beat_one);
}

/* "nextIndex: initialized to leader last log index + 1; matchIndex: initialized to 0".  Entries of
 * former terms can't be counted until one of this term is (5.4.2), so there is one at once: section
 * 6.4 of the dissertation. */
void replication_lead(struct raft *raft)
{
    struct replication *self = raft->replication;
    int32_t last = log_last(self->log);

    for (int32_t id = 1; id <= raft->config.servers; id++)
        self->peers[id] = (struct peer){.next = last + 1, .acked = self->seq};
    self->synced = 0;
    if (last < LAST_INDEX)
        append(raft, &(struct log_entry){.term = raft->term});
    replication_beat(raft);
}

int32_t replication_propose(struct raft *raft, const uint8_t *data, size_t len)
{
    struct log *log = raft->replication->log;
    struct log_entry entry = {raft->term, (uint32_t)len, data};

    if (log_last(log) >= LAST_INDEX || len > LARGEST_ENTRY || !append(raft, &entry))
        return 0;
    return log_last(log);
}

/* --- a leader counts --- */

/* The highest index that a majority has: the middle one of all, in falling order. */
static int32_t index_of_majority(const struct raft *raft)
{
    const struct replication *self = raft->replication;
    int32_t matches[RAFT_MOST_SERVERS], count = 0;

    for (int32_t id = 1; id <= raft->config.servers; id++) {
        int32_t match = id == raft->config.id ? self->synced : self->peers[id].match;
        int32_t i = count++;
        for (; i > 0 && matches[i - 1] < match; i--)
            matches[i] = matches[i - 1];
        matches[i] = match;
    }
    return matches[raft->config.servers / 2];
}

/* "If there exists an N such that N > commitIndex, a majority of matchIndex[i] >= N, and
 * log[N].term == currentTerm: set commitIndex = N". */
static void count(struct raft *raft)
{
    int32_t index = index_of_majority(raft);

    if (log_term(raft->replication->log, index) == raft->term)
        commit(raft, index);
}

static bool has_unsynced(const struct raft *raft)
{
    const struct replication *self = raft->replication;

    return raft->role == RAFT_LEADER && self->synced < log_last(self->log);
}

static bool has_read(const struct raft *raft)
{
    return raft->role == RAFT_LEADER && raft->replication->has_read;
}

/* The others write at the same time as this server. */
void replication_tick(struct raft *raft)
{
    if (has_read(raft))
        replication_beat(raft);
    if (!has_unsynced(raft))
        return;
    for_each_other(raft, ask_for_news);
    raft_sync(raft);
    raft->replication->synced = log_last(raft->replication->log);
    count(raft);
}

int64_t replication_deadline(const struct raft *raft)
{
    return has_unsynced(raft) || has_read(raft) ? raft->now : INT64_MAX;
}

/* --- a leader learns --- */

static int32_t min(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

static int32_t max(int32_t a, int32_t b)
{
    return a > b ? a : b;
}

/* "If successful: update nextIndex and matchIndex for follower".  What lies behind the end of the
 * leader's log can't match it. */
static void learn_success(struct raft *raft, struct peer *peer, int32_t log_index)
{
    if (log_index > log_last(raft->replication->log))
        return;
    peer->match = max(peer->match, log_index);
    peer->next = max(peer->next, peer->match + 1);
    count(raft);
}

/* "If AppendEntries fails because of log inconsistency: decrement nextIndex and retry".  A refusal
 * of an older request says nothing of the one that was sent since. */
static void learn_refusal(struct peer *peer, uint64_t ack, int32_t hint)
{
    if (ack == peer->asked)
        peer->next = max(peer->match + 1, min(peer->asked_prev, hint + 1));
}

/* The latest request of that number: those on the wire come again after 2^32. */
static uint64_t seq_of(const struct replication *self, uint32_t ack)
{
    return self->seq - (uint32_t)((uint32_t)self->seq - ack);
}

void replication_on_reply(struct raft *raft, const struct append_entries_reply *reply)
{
    struct peer *peer = &raft->replication->peers[reply->follower_id];

    if (raft->role != RAFT_LEADER)
        return;
    uint64_t ack = seq_of(raft->replication, reply->ack);
    if (ack > peer->acked)
        peer->acked = ack;
    if (ack >= peer->asked)
        peer->is_waiting = false;
    if (reply->success)
        learn_success(raft, peer, reply->log_index);
    else
        learn_refusal(peer, ack, reply->log_index);
    ask_for_news(raft, reply->follower_id);
}

/* --- a follower --- */

static void answer(struct raft *raft, const struct append_entries *request, bool success,
                   int32_t log_index)
{
    struct message m = {
        .type = APPEND_ENTRIES_REPLY,
        .append_entries_reply =
            {
                .term = raft->term,
                .follower_id = raft->config.id,
                .log_index = log_index,
                .success = success,
                .follower_commit = raft->replication->commit_index,
                .ack = request->seq,
            },
    };

    raft_send(raft, request->leader_id, &m);
}

/* Where the leader may go on: behind the last entry; or at the first of a term that it has not at
 * this place, though what is committed is never in question. */
void replication_refuse(struct raft *raft, const struct append_entries *request)
{
    const struct replication *self = raft->replication;
    int32_t hint = log_last(self->log);

    if (request->prev_log_index <= hint) {
        int32_t term = log_term(self->log, request->prev_log_index);
        hint = request->prev_log_index;
        while (hint > self->commit_index && log_term(self->log, hint) == term)
            hint--;
    }
    answer(raft, request, false, hint);
}

static bool matches(const struct log *log, int32_t index, int32_t term)
{
    return index <= log_last(log) && log_term(log, index) == term;
}

/* The index of the first entry that is not in the log, or the one behind them all. */
static int32_t first_unknown(const struct log *log, const struct append_entries *request)
{
    int32_t index = request->prev_log_index + 1;

    for (uint32_t i = 0; i < request->entry_count; i++, index++)
        if (!matches(log, index, request->entries[i].term))
            break;
    return index;
}

/* "If an existing entry conflicts with a new one (same index but different terms), delete the
 * existing entry and all that follow it.  Append any new entries not already in the log".  Without
 * memory for all of them, the request is lost. */
static bool take_entries(struct raft *raft, const struct append_entries *request, int32_t index)
{
    uint32_t known = (uint32_t)(index - request->prev_log_index - 1);

    if (known < request->entry_count)
        log_cut(raft->replication->log, index);
    for (uint32_t i = known; i < request->entry_count; i++)
        if (!append(raft, &request->entries[i]))
            return false;
    return true;
}

/* "Reply false if log doesn't contain an entry at prevLogIndex whose term matches prevLogTerm"; "if
 * leaderCommit > commitIndex, set commitIndex = min(leaderCommit, index of last new entry)": what
 * is behind that entry was not checked.  What would cut a committed entry is from no correct
 * leader. */
void replication_on_request(struct raft *raft, const struct append_entries *request)
{
    struct replication *self = raft->replication;
    int32_t checked = request->prev_log_index + (int32_t)request->entry_count;
    bool is_match = matches(self->log, request->prev_log_index, request->prev_log_term);
    int32_t unknown = is_match ? first_unknown(self->log, request) : 0;

    if (!is_match || (unknown <= checked && unknown <= self->commit_index)) {
        replication_refuse(raft, request);
        return;
    }
    if (!take_entries(raft, request, unknown))
        return;
    self->commit_index = max(self->commit_index, min(request->leader_commit, checked));
    answer(raft, request, true, checked);
    commit(raft, self->commit_index);
}
