/* no_replication.c - what lab 5 has in the place of replication.c: a server that keeps no log.
 *
 * Its leaders send heartbeats alone, and its followers take them.  Whatever asks for entries is
 * refused.  Of a log that is loaded it knows where that ends, which is all that a vote depends on. */
#include "raft_state.h"

#include <stdlib.h>

struct replication {
    uint32_t seq;                  /* of the latest heartbeats; it grows over all terms */
    int32_t last_index, last_term; /* of what was loaded */
};

struct replication *replication_new(void)
{
    return calloc(1, sizeof(struct replication));
}

void replication_free(struct replication *replication)
{
    free(replication);
}

/* --- the log that is not there --- */

int replication_load(struct raft *raft, int32_t term, const uint8_t *data, size_t len)
{
    (void)data;
    (void)len;
    raft->replication->last_index++;
    raft->replication->last_term = term;
    return 0;
}

int32_t replication_propose(struct raft *raft, const uint8_t *data, size_t len)
{
    (void)raft;
    (void)data;
    (void)len;
    return 0;
}

void replication_last(const struct raft *raft, int32_t *index, int32_t *term)
{
    *index = raft->replication->last_index;
    *term = raft->replication->last_term;
}

int32_t replication_commit_index(const struct raft *raft)
{
    (void)raft;
    return 0;
}

/* --- a leader --- */

void replication_lead(struct raft *raft)
{
    replication_beat(raft);
}

void replication_beat(struct raft *raft)
{
    struct message heartbeat = {
        .type = APPEND_ENTRIES,
        .append_entries =
            {
                .term = raft->term,
                .leader_id = raft->config.id,
                .seq = ++raft->replication->seq,
            },
    };

    for (int32_t to = 1; to <= raft->config.servers; to++) {
        if (to != raft->config.id)
            raft_send(raft, to, &heartbeat);
    }
}

void replication_on_reply(struct raft *raft, const struct append_entries_reply *reply)
{
    (void)raft;
    (void)reply;
}

void replication_tick(struct raft *raft)
{
    (void)raft;
}

int64_t replication_deadline(const struct raft *raft)
{
    (void)raft;
    return INT64_MAX;
}

/* --- a follower --- */

static void answer(struct raft *raft, const struct append_entries *request, bool success)
{
    struct message reply = {
        .type = APPEND_ENTRIES_REPLY,
        .append_entries_reply =
            {
                .term = raft->term,
                .follower_id = raft->config.id,
                .success = success,
                .ack = request->seq,
            },
    };

    raft_send(raft, request->leader_id, &reply);
}

/* Of a log that is empty and stays so, nothing but its beginning can match. */
void replication_on_request(struct raft *raft, const struct append_entries *request)
{
    answer(raft, request,
           request->prev_log_index == 0 && request->prev_log_term == 0 &&
               request->entry_count == 0);
}

void replication_refuse(struct raft *raft, const struct append_entries *request)
{
    answer(raft, request, false);
}
