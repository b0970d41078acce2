/* replication.c - the log, from the leader to all others: sections 5.3 and 5.4 of the paper, and its
 * figure 2.
 *
 * Have figure 2 beside you, and PROTOCOL section 2 on log_index, seq and ack.  What does a leader
 * know of another server for certain, and what does it only guess?  Which of its requests may be
 * lost, come twice, or come late, and what would each of them do here? */
#include "replication.h"

#include "log.h"

#include <stdlib.h>

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

/* --- a leader asks --- */

/* Of whom does a new leader know what?  What is its first entry for? */
void replication_lead(struct raft *raft)
{
    (void)raft;
    /* Your code here. */
}

/* What does a heartbeat check?  What if a server has not answered the request before? */
void replication_beat(struct raft *raft)
{
    (void)raft;
    /* Your code here. */
}

/* Saves, no more.  Who sends it, and when? */
int32_t replication_propose(struct raft *raft, const uint8_t *data, size_t len)
{
    (void)raft;
    (void)data;
    (void)len;
    /* Your code here. */
    return 0;
}

/* In which order: to send, to sync, to count oneself? */
void replication_tick(struct raft *raft)
{
    (void)raft;
    /* Your code here. */
}

int64_t replication_deadline(const struct raft *raft)
{
    (void)raft;
    /* Your code here. */
    return INT64_MAX;
}

/* --- a leader learns --- */

/* Which entries are committed now?  Not all that a majority has: figure 8. */
void replication_on_reply(struct raft *raft, const struct append_entries_reply *reply)
{
    (void)raft;
    (void)reply;
    /* Your code here. */
}

/* --- a follower --- */

/* Success 0, and where the leader may go on. */
void replication_refuse(struct raft *raft, const struct append_entries *request)
{
    (void)raft;
    (void)request;
    /* Your code here. */
}

/* Five steps in figure 2.  Which entries may be removed, and which never? */
void replication_on_request(struct raft *raft, const struct append_entries *request)
{
    (void)raft;
    (void)request;
    /* Your code here. */
}
