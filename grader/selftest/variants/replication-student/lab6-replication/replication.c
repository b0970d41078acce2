/* replication.c - the log, from the leader to all others: sections 5.3 and 5.4 of the paper, and
 * its figure 2.
 *
 * What a leader knows of each other server is in progress.h.  A heartbeat asks after the last entry
 * that was sent.  So a loss needs no timer: when a request got lost, the next one, whatever it
 * carries, fails its log check, and the peer is probed again.  Only to one who says nothing at all
 * are entries sent again unasked. */
#include "replication.h"

#include <stdlib.h>

enum {
    BATCH_SIZE = 256 << 10,    /* entries of a message; a larger one goes alone */
    ENTRY_HEADER_SIZE = 8,     /* its term and size, on the wire */
    REQUEST_SIZE = 28,         /* the payload without entries */
    MOST_SILENT = 3,           /* heartbeats without any reply */
    LAST_INDEX = INT32_MAX - 1 /* no index reaches INT32_MAX: raft.h */
};

struct replication *replication_new(void)
{
    struct replication *replication = calloc(1, sizeof *replication);

    if (replication == NULL)
        return NULL;
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

/* These entries are saved already. */
int replication_load(struct raft *raft, int32_t term, const uint8_t *data, size_t len)
{
    struct log_entry entry = {term, (uint32_t)len, data};

    return log_append(raft->replication->log, &entry) ? 0 : -1;
}

static int32_t min(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

static int32_t max(int32_t a, int32_t b)
{
    return a > b ? a : b;
}

/* --- what is committed --- */

/* "If commitIndex > lastApplied: increment lastApplied, apply log[lastApplied] to state
 * machine". */
static void apply_committed(struct raft *raft)
{
    struct replication *r = raft->replication;

    while (r->applied < r->commit_index) {
        const struct log_entry *entry = log_at(r->log, ++r->applied);
        raft->host.apply(raft->host.context, r->applied, entry->term, entry->data, entry->size);
    }
}

static int compare_descending(const void *a, const void *b)
{
    const int32_t *left = a, *right = b;

    return (*left < *right) - (*left > *right);
}

/* The largest index that a majority has on its disks, this server among all. */
static int32_t majority_match(const struct raft *raft)
{
    const struct replication *r = raft->replication;
    int32_t match[RAFT_MOST_SERVERS];
    size_t servers = (size_t)raft->config.servers;

    for (size_t i = 0; i < servers; i++)
        match[i] = (int32_t)i + 1 == raft->config.id ? r->synced : r->peers[i].match;
    qsort(match, servers, sizeof match[0], compare_descending);
    return match[servers / 2];
}

/* "If there exists an N such that N > commitIndex, a majority of matchIndex[i] >= N, and
 * log[N].term == currentTerm: set commitIndex = N".  Terms never fall along a log, so if the
 * largest such N is of an older term, all below it are, too: figure 8. */
static void commit(struct raft *raft)
{
    struct replication *r = raft->replication;
    int32_t n = majority_match(raft);

    if (n > r->commit_index && log_term(r->log, n) == raft->term)
        r->commit_index = n;
    apply_committed(raft);
}

/* --- a leader asks --- */

static struct progress *peer_of(struct raft *raft, int32_t id)
{
    return &raft->replication->peers[id - 1];
}

/* It promises nothing, so it may leave before this server's own sync. */
static void ask(struct raft *raft, int32_t to, uint32_t count, size_t size)
{
    struct replication *r = raft->replication;
    struct progress *peer = peer_of(raft, to);
    struct message m = {
        .type = APPEND_ENTRIES,
        .append_entries =
            {
                .term = raft->term,
                .leader_id = raft->config.id,
                .prev_log_index = peer->next - 1,
                .prev_log_term = log_term(r->log, peer->next - 1),
                .leader_commit = r->commit_index,
                .seq = ++r->seq,
                .entry_count = count,
                .entries = count > 0 ? log_at(r->log, peer->next) : NULL,
            },
    };
    struct progress_sent sent = {.seq = r->seq,
                                 .prev = peer->next - 1,
                                 .last = peer->next - 1 + (int32_t)count,
                                 .size = size};

    progress_note_sent(peer, &sent);
    if (!peer->is_probed)
        peer->next += (int32_t)count;
    raft_send_early(raft, to, &m);
}

/* A batch of what this server has not been sent, if there is any and may be.  False: there was
 * nothing to be sent. */
static bool send_batch(struct raft *raft, int32_t to)
{
    const struct replication *r = raft->replication;
    const struct progress *peer = peer_of(raft, to);
    int32_t next = peer->next, last = log_last(r->log);
    size_t size = 0;

    if (next > last || !progress_has_room(peer))
        return false;
    const struct log_entry *entries = log_at(r->log, next);
    uint32_t count = 0;
    for (; next <= last; next++, count++) {
        size_t more = ENTRY_HEADER_SIZE + entries[count].size;
        if (count > 0 && size + more > BATCH_SIZE)
            break;
        size += more;
    }
    ask(raft, to, count, size);
    return true;
}

/* All that may be sent now. */
static void send_batches(struct raft *raft, int32_t to)
{
    while (send_batch(raft, to))
        ;
}

/* What a former leadership knew is worth nothing: logs were cut since.  "nextIndex: initialized to
 * leader last log index + 1; matchIndex: initialized to 0".  The empty entry commits all before it:
 * section 8. */
void replication_lead(struct raft *raft)
{
    struct replication *r = raft->replication;

    for (int32_t id = 1; id <= raft->config.servers; id++) {
        *peer_of(raft, id) = (struct progress){.acked = r->seq};
        progress_probe(peer_of(raft, id), log_last(r->log) + 1);
    }
    r->synced = 0;
    r->is_read_due = false;
    replication_propose(raft, NULL, 0);
    replication_beat(raft);
}

/* A heartbeat is a request like any other. */
static void beat(struct raft *raft, int32_t to)
{
    if (!send_batch(raft, to))
        ask(raft, to, 0, 0);
}

static void beat_all(struct raft *raft)
{
    raft->replication->is_read_due = false;
    for (int32_t to = 1; to <= raft->config.servers; to++) {
        if (to != raft->config.id)
            beat(raft, to);
    }
}

void replication_beat(struct raft *raft)
{
    for (int32_t id = 1; id <= raft->config.servers; id++) {
        struct progress *peer = peer_of(raft, id);
        if (peer->silent++ == MOST_SILENT)
            progress_give_up(peer);
    }
    beat_all(raft);
}

int32_t replication_propose(struct raft *raft, const uint8_t *data, size_t len)
{
    struct log *log = raft->replication->log;
    struct log_entry entry = {raft->term, (uint32_t)len, data};

    if (log_last(log) >= LAST_INDEX ||
        len > MESSAGE_LARGEST_PAYLOAD - REQUEST_SIZE - ENTRY_HEADER_SIZE ||
        !log_append(log, &entry))
        return 0;
    raft_save_entry(raft, log_last(log), log_at(log, log_last(log)));
    return log_last(log);
}

/* The others' disks are at work while this one's is; then it counts itself (thesis, 10.2.1). */
void replication_tick(struct raft *raft)
{
    struct replication *r = raft->replication;

    if (raft->role != RAFT_LEADER)
        return;
    if (r->is_read_due)
        beat_all(raft);
    for (int32_t to = 1; to <= raft->config.servers; to++) {
        if (to != raft->config.id)
            send_batches(raft, to);
    }
    raft_sync(raft);
    r->synced = log_last(r->log);
    commit(raft);
}

int64_t replication_deadline(const struct raft *raft)
{
    const struct replication *r = raft->replication;
    bool is_due = r->synced < log_last(r->log) || r->is_read_due;

    return raft->role == RAFT_LEADER && is_due ? raft->now : INT64_MAX;
}

/* --- a leader learns --- */

void replication_on_reply(struct raft *raft, const struct append_entries_reply *reply)
{
    const struct replication *r = raft->replication;
    struct progress *peer = peer_of(raft, reply->follower_id);

    if (raft->role != RAFT_LEADER || (reply->success && reply->log_index > log_last(r->log)) ||
        progress_is_later(reply->ack, r->seq))
        return;
    peer->silent = 0;
    if (progress_is_later(reply->ack, peer->acked))
        peer->acked = reply->ack;
    if (reply->success)
        progress_succeed(peer, reply);
    else
        progress_fail(peer, reply);
    commit(raft);
    send_batches(raft, reply->follower_id);
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

/* Terms never fall along a log: so the first entry of a term is found by halves. */
static int32_t first_of_term(const struct log *log, int32_t term)
{
    int32_t low = 1, high = log_last(log);

    while (low < high) {
        int32_t middle = low + (high - low) / 2;
        if (log_term(log, middle) < term)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* How far the logs may match at most: not in the term that stands at prev, unless that goes back to
 * what is committed, since this matches for sure. */
static int32_t hint(const struct replication *r, const struct append_entries *request)
{
    int32_t prev = request->prev_log_index;

    if (prev > log_last(r->log))
        return log_last(r->log);
    return max(first_of_term(r->log, log_term(r->log, prev)) - 1, min(r->commit_index, prev - 1));
}

void replication_refuse(struct raft *raft, const struct append_entries *request)
{
    answer(raft, request, false, log_last(raft->replication->log));
}

/* "Reply false if log doesn't contain an entry at prevLogIndex whose term matches prevLogTerm". */
static bool is_prev_there(const struct log *log, const struct append_entries *request)
{
    return request->prev_log_index <= log_last(log) &&
           log_term(log, request->prev_log_index) == request->prev_log_term;
}

/* How many of the entries are in the log already: the same term at the same index. */
static uint32_t count_known(const struct log *log, const struct append_entries *request)
{
    uint32_t known = 0;
    int32_t index = request->prev_log_index + 1;

    while (known < request->entry_count && index <= log_last(log) &&
           log_term(log, index) == request->entries[known].term) {
        known++;
        index++;
    }
    return known;
}

/* "If an existing entry conflicts with a new one, delete the existing entry and all that follow
 * it"; "append any new entries not already in the log".  False: no memory, or a conflict with what
 * is committed, which no leader can have. */
static bool take_entries(struct raft *raft, const struct append_entries *request)
{
    struct replication *r = raft->replication;
    uint32_t i = count_known(r->log, request);
    int32_t index = request->prev_log_index + 1 + (int32_t)i;

    if (i == request->entry_count)
        return true;
    if (index <= r->commit_index)
        return false;
    log_cut(r->log, index);
    for (; i < request->entry_count; i++, index++) {
        if (!log_append(r->log, &request->entries[i]))
            return false;
        raft_save_entry(raft, index, &request->entries[i]);
    }
    return true;
}

/* "If leaderCommit > commitIndex, set commitIndex = min(leaderCommit, index of last new entry)":
 * what lies behind that was not looked at. */
void replication_on_request(struct raft *raft, const struct append_entries *request)
{
    struct replication *r = raft->replication;
    int32_t checked = request->prev_log_index + (int32_t)request->entry_count;

    if (!is_prev_there(r->log, request)) {
        answer(raft, request, false, hint(r, request));
        return;
    }
    if (!take_entries(raft, request)) {
        answer(raft, request, false, min(request->prev_log_index, log_last(r->log)));
        return;
    }
    r->commit_index = max(r->commit_index, min(request->leader_commit, checked));
    answer(raft, request, true, checked);
    apply_committed(raft);
}
