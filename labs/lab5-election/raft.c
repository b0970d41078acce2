/* raft.c - the frame of a server: calls come in, time passes, and what is saved or sent goes out.
 *
 * Which rules hold for every server, whatever its role?  If they are kept here, no other part can
 * forget them. */
#include "raft_state.h"

#include "message_reader.h"

#include <stdlib.h>

/* --- what is saved --- */

/* Who has to know of it, and what is raft->is_synced then? */
void raft_set_vote(struct raft *raft, int32_t term, int32_t voted_for)
{
    (void)raft;
    (void)term;
    (void)voted_for;
    /* Your code here. */
}

/* Given, for lab 6. */
void raft_save_entry(struct raft *raft, int32_t index, const struct log_entry *entry)
{
    raft->is_synced = false;
    raft->host.save_entry(raft->host.context, index, entry->term, entry->data, entry->size);
}

/* A sync takes longer than all the rest of a server's work.  When can it be left out? */
void raft_sync(struct raft *raft)
{
    (void)raft;
    /* Your code here. */
}

/* --- what is sent --- */

/* Where do the bytes lie while the host sends them?  What if there is no memory for them? */
void raft_send_early(struct raft *raft, int32_t to, const struct message *message)
{
    (void)raft;
    (void)to;
    (void)message;
    /* Your code here. */
}

/* What does a message promise, and what if the power fails a moment after it left? */
void raft_send(struct raft *raft, int32_t to, const struct message *message)
{
    (void)raft;
    (void)to;
    (void)message;
    /* Your code here. */
}

/* --- time --- */

/* What if now is less than it was at the last call? */
static void advance(struct raft *raft, int64_t now)
{
    (void)raft;
    (void)now;
    /* Your code here. */
}

/* The next number of a generator of your own, whose state is raft->random.  Why not rand(3)? */
static uint64_t draw(struct raft *raft)
{
    (void)raft;
    /* Your code here. */
    return 0;
}

/* Each number of milliseconds from election_min_ms to election_max_ms, both included, is as likely
 * as any other.  What if there is only one? */
void raft_restart_election_timer(struct raft *raft)
{
    (void)raft;
    (void)draw;
    /* Your code here. */
}

/* What is due depends on the role. */
void raft_tick(struct raft *raft, int64_t now)
{
    (void)raft;
    (void)now;
    (void)advance;
    /* Your code here. */
}

/* The caller sleeps until then.  What if raft_tick, called then, leaves it as it was? */
int64_t raft_deadline(const struct raft *raft)
{
    (void)raft;
    /* Your code here. */
    return INT64_MAX;
}

/* --- messages --- */

/* Whether a correct server of this cluster may send this (raft.h).  Which field names the sender,
 * and which message has none? */
static bool is_possible(const struct raft *raft, int32_t from, const struct message *m)
{
    (void)raft;
    (void)from;
    (void)m;
    /* Your code here. */
    return false;
}

/* Figure 2 has one rule for all messages with a newer term.  Is it kept here once, or in each of
 * the functions that a message goes to?  And what of those with an older term? */
bool raft_receive(struct raft *raft, int64_t now, int32_t from, const uint8_t *message, size_t len)
{
    (void)raft;
    (void)now;
    (void)from;
    (void)message;
    (void)len;
    (void)is_possible;
    /* Your code here. */
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

/* What does a server know when it starts, and what does it wait for? */
struct raft *raft_new(const struct raft_config *config, const struct raft_host *host, int64_t now)
{
    struct raft *raft = calloc(1, sizeof *raft);

    (void)now;
    if (raft == NULL)
        return NULL;
    raft->config = *config;
    raft->host = *host;
    raft->reader = message_reader_new();
    raft->replication = replication_new();
    /* Your code here. */
    if (raft->reader == NULL || raft->replication == NULL) {
        raft_free(raft);
        return NULL;
    }
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
