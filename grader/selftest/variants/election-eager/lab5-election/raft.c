/* raft.c - the door of an eager server: whoever calls it for whatever reason also lets it do what
 * is due. */
#include "eager.h"

#include "message_reader.h"

#include <stdlib.h>

static struct server *server_of(struct raft *raft)
{
    return (struct server *)raft;
}

/* --- time --- */

static void advance(struct raft *raft, int64_t now)
{
    if (raft->now < now)
        raft->now = now;
}

void raft_tick(struct raft *raft, int64_t now)
{
    struct server *server = server_of(raft);

    advance(raft, now);
    conduct_of(server)->pass_time(server);
    replication_tick(raft);
}

int64_t raft_deadline(const struct raft *raft)
{
    const struct server *server = (const struct server *)raft;
    int64_t due = earlier(conduct_of(server)->deadline(server), replication_deadline(raft));

    return earlier(due, time_in(server, LONGEST_SLEEP_MS));
}

/* --- messages --- */

/* Who replies to what is over is told the term: by a refusal, which takes nothing from anybody. */
static void correct(struct server *server, int32_t from)
{
    if (is_id(server, from))
        send_vote(server, from, false);
}

static void take_reply(struct server *server, int32_t from, const struct message *m)
{
    if (term_of(m) < server->raft.term)
        correct(server, m->type == REQUEST_VOTE_REPLY ? from : m->append_entries_reply.follower_id);
    else if (m->type == REQUEST_VOTE_REPLY)
        conduct_of(server)->on_vote(server, from, m->request_vote_reply.vote_granted);
    else if (server->raft.role == RAFT_LEADER)
        replication_on_reply(&server->raft, &m->append_entries_reply);
}

static bool take_append(struct server *server, const struct append_entries *request)
{
    if (request->term < server->raft.term) {
        replication_refuse(&server->raft, request);
        return true;
    }
    return conduct_of(server)->on_append(server, request);
}

static bool take(struct server *server, int32_t from, const struct message *m)
{
    bool is_right = true;

    obey_newer_term(server, term_of(m));
    switch (m->type) {
    case REQUEST_VOTE: answer_candidate(server, &m->request_vote); break;
    case APPEND_ENTRIES: is_right = take_append(server, &m->append_entries); break;
    default: take_reply(server, from, m);
    }
    return is_right;
}

bool raft_receive(struct raft *raft, int64_t now, int32_t from, const uint8_t *message, size_t len)
{
    struct server *server = server_of(raft);
    struct message m;
    size_t size;
    enum message_result result = message_read(raft->reader, message, len, &m, &size);

    if (result != MESSAGE_NO_MEMORY &&
        (result != MESSAGE_DONE || size < len || !is_plausible(server, from, &m)))
        return false;
    raft_tick(raft, now);
    if (result == MESSAGE_NO_MEMORY || (m.type == REQUEST_VOTE_REPLY && from == RAFT_NOBODY))
        return true;
    return take(server, from, &m);
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
    struct server *server = calloc(1, sizeof *server);

    if (server == NULL)
        return NULL;
    server->raft.config = *config;
    server->raft.host = *host;
    server->raft.term = config->term;
    server->raft.voted_for = config->voted_for;
    server->raft.random = config->seed ^ (uint64_t)config->id << 32;
    server->raft.reader = message_reader_new();
    server->raft.replication = replication_new();
    if (server->raft.reader == NULL || server->raft.replication == NULL) {
        raft_free(&server->raft);
        return NULL;
    }
    begin_to_follow(server, now);
    return &server->raft;
}

void raft_free(struct raft *raft)
{
    if (raft == NULL)
        return;
    message_reader_free(raft->reader);
    replication_free(raft->replication);
    free(server_of(raft));
}
