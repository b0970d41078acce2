/* plausible.c - what a correct server may have sent.  Stricter than it has to be: whatever can be
 * seen to be wrong is refused. */
#include "eager.h"

int32_t term_of(const struct message *m)
{
    switch (m->type) {
    case REQUEST_VOTE: return m->request_vote.term;
    case REQUEST_VOTE_REPLY: return m->request_vote_reply.term;
    case APPEND_ENTRIES: return m->append_entries.term;
    default: return m->append_entries_reply.term;
    }
}

static bool is_other(const struct server *server, int32_t id)
{
    return is_id(server, id) && id != server->raft.config.id;
}

/* A place in a log, as known in a term: both numbers are 0, or none is. */
static bool is_place(int32_t index, int32_t term, int32_t known_in)
{
    return (index == 0) == (term == 0) && index < INT32_MAX && term <= known_in;
}

/* Terms never fall along a log. */
static bool are_entries(const struct append_entries *m)
{
    int32_t lowest = m->prev_log_term > 0 ? m->prev_log_term : 1;

    for (uint32_t i = 0; i < m->entry_count; i++) {
        if (m->entries[i].term < lowest || m->entries[i].term > m->term)
            return false;
        lowest = m->entries[i].term;
    }
    return true;
}

static bool is_plausible_append(const struct server *server, const struct append_entries *m)
{
    return is_other(server, m->leader_id) &&
           is_place(m->prev_log_index, m->prev_log_term, m->term) &&
           (int64_t)m->prev_log_index + m->entry_count < INT32_MAX &&
           m->leader_commit < INT32_MAX && are_entries(m);
}

bool is_plausible(const struct server *server, int32_t from, const struct message *m)
{
    const struct request_vote *vote = &m->request_vote;
    const struct append_entries_reply *reply = &m->append_entries_reply;

    if (term_of(m) == 0 || term_of(m) == INT32_MAX)
        return false;
    if (from != RAFT_NOBODY && !is_other(server, from))
        return false;
    switch (m->type) {
    case REQUEST_VOTE:
        return is_other(server, vote->candidate_id) &&
               is_place(vote->last_log_index, vote->last_log_term, vote->term - 1);
    case REQUEST_VOTE_REPLY: return true;
    case APPEND_ENTRIES: return is_plausible_append(server, &m->append_entries);
    default:
        return is_other(server, reply->follower_id) && reply->log_index < INT32_MAX &&
               reply->follower_commit < INT32_MAX;
    }
}
