/* raft.c - the frame of a lazy server.  Term and vote are saved when a message has to wait for
 * them, and not before: what nobody was told, a crash may undo. */
#include "lazy.h"

#include "message_reader.h"

#include <stdlib.h>

/* --- what is saved --- */

void raft_set_vote(struct raft *raft, int32_t term, int32_t voted_for)
{
    raft->term = term;
    raft->voted_for = voted_for;
}

static void save_vote(struct raft *raft)
{
    if (raft->config.term == raft->term && raft->config.voted_for == raft->voted_for)
        return;
    raft->host.save_vote(raft->host.context, raft->term, raft->voted_for);
    raft->config.term = raft->term;
    raft->config.voted_for = raft->voted_for;
    raft->is_synced = false;
}

/* No entry is saved before the term that it is of. */
void raft_save_entry(struct raft *raft, int32_t index, const struct log_entry *entry)
{
    save_vote(raft);
    raft->host.save_entry(raft->host.context, index, entry->term, entry->data, entry->size);
    raft->is_synced = false;
}

void raft_sync(struct raft *raft)
{
    save_vote(raft);
    if (!raft->is_synced)
        raft->host.sync(raft->host.context);
    raft->is_synced = true;
}

/* --- what is sent --- */

/* All but entries fits on the stack. */
void raft_send_early(struct raft *raft, int32_t to, const struct message *message)
{
    uint8_t few[64], *bytes = few;
    size_t size = message_size(message);

    if (size > sizeof few)
        bytes = malloc(size);
    if (bytes == NULL)
        return;
    size = message_encode(message, bytes, size);
    if (size > 0)
        raft->host.send(raft->host.context, to, bytes, size);
    if (bytes != few)
        free(bytes);
}

void raft_send(struct raft *raft, int32_t to, const struct message *message)
{
    raft_sync(raft);
    raft_send_early(raft, to, message);
}

/* --- messages --- */

static bool is_other(const struct raft *raft, int32_t id)
{
    return id > RAFT_NOBODY && id <= raft->config.servers && id != raft->config.id;
}

int32_t term_of(const struct message *m)
{
    const int32_t terms[] = {
        [REQUEST_VOTE] = m->request_vote.term,
        [REQUEST_VOTE_REPLY] = m->request_vote_reply.term,
        [APPEND_ENTRIES] = m->append_entries.term,
        [APPEND_ENTRIES_REPLY] = m->append_entries_reply.term,
    };

    return terms[m->type];
}

static bool is_possible(const struct raft *raft, int32_t from, const struct message *m)
{
    const struct append_entries *entries = &m->append_entries;
    const struct append_entries_reply *reply = &m->append_entries_reply;

    if (term_of(m) > LAST_TERM)
        return false;
    switch (m->type) {
    case REQUEST_VOTE: return is_other(raft, m->request_vote.candidate_id);
    case REQUEST_VOTE_REPLY: return from == RAFT_NOBODY || is_other(raft, from);
    case APPEND_ENTRIES:
        return is_other(raft, entries->leader_id) &&
               entries->entry_count < (uint32_t)(INT32_MAX - entries->prev_log_index);
    default: return is_other(raft, reply->follower_id) && reply->log_index < INT32_MAX;
    }
}

static void advance(struct raft *raft, int64_t now)
{
    raft->now = now > raft->now ? now : raft->now;
}

bool raft_receive(struct raft *raft, int64_t now, int32_t from, const uint8_t *message, size_t len)
{
    struct message m;
    size_t size = 0;

    if (raft->reader == NULL)
        raft->reader = message_reader_new();
    if (raft->reader == NULL)
        return true;
    enum message_result result = message_read(raft->reader, message, len, &m, &size);
    if (result == MESSAGE_NO_MEMORY)
        return true;
    if (result != MESSAGE_DONE || size != len || !is_possible(raft, from, &m))
        return false;
    if (m.type == REQUEST_VOTE_REPLY && from == RAFT_NOBODY)
        return true;
    advance(raft, now);
    take_message(raft, from, &m);
    return true;
}

/* --- time --- */

void raft_tick(struct raft *raft, int64_t now)
{
    advance(raft, now);
    if (time_is_due(raft) <= raft->now)
        take_time(raft);
    replication_tick(raft);
}

int64_t raft_deadline(const struct raft *raft)
{
    int64_t here = time_is_due(raft), there = replication_deadline(raft);

    return there < here ? there : here;
}

/* --- the rest of raft.h --- */

struct raft_status raft_status(const struct raft *raft)
{
    struct raft_status status = {raft->role, raft->term, raft->voted_for, raft->leader, 0, 0};
    int32_t term;

    replication_last(raft, &status.last_index, &term);
    status.commit_index = replication_commit_index(raft);
    return status;
}

int raft_load(struct raft *raft, int32_t term, const uint8_t *data, size_t len)
{
    return replication_load(raft, term, data, len);
}

int32_t raft_propose(struct raft *raft, int64_t now, const uint8_t *data, size_t len)
{
    advance(raft, now);
    if (raft->role != RAFT_LEADER || raft->votes != 0)
        return 0;
    return replication_propose(raft, data, len);
}

struct raft *raft_new(const struct raft_config *config, const struct raft_host *host, int64_t now)
{
    struct replication *replication = replication_new();
    struct raft *raft = replication != NULL ? malloc(sizeof *raft) : NULL;

    if (raft == NULL) {
        replication_free(replication);
        return NULL;
    }
    *raft = (struct raft){.config = *config,
                          .host = *host,
                          .term = config->term,
                          .voted_for = config->voted_for,
                          .now = now,
                          .replication = replication};
    raft_restart_election_timer(raft);
    return raft;
}

void raft_free(struct raft *raft)
{
    if (raft == NULL)
        return;
    message_reader_free(raft->reader);
    replication_free(raft->replication);
    free(raft);
}
