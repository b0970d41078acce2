/* election.c - who leads: sections 5.1, 5.2 and 5.4.1 of the paper, and its figure 2.
 *
 * A server votes once in a term, and two majorities have a server in common: so no two candidates
 * of a term get one. */
#include "raft_state.h"

/* --- candidates --- */

static uint64_t bit(int32_t id)
{
    return (uint64_t)1 << (id - 1);
}

/* Of all servers, whether they answer or not. */
static bool has_majority(const struct raft *raft)
{
    int32_t count = 0;

    for (int32_t id = 1; id <= raft->config.servers; id++) {
        if ((raft->votes & bit(id)) != 0)
            count++;
    }
    return count > raft->config.servers / 2;
}

/* "Upon election: send initial empty AppendEntries RPCs (heartbeat) to each server". */
static void lead(struct raft *raft)
{
    raft->role = RAFT_LEADER;
    raft->leader = raft->config.id;
    raft->heartbeat_due = raft->now + raft->config.heartbeat_ms;
    replication_lead(raft);
}

static void ask_for_votes(struct raft *raft)
{
    struct message request = {
        .type = REQUEST_VOTE,
        .request_vote = {.term = raft->term, .candidate_id = raft->config.id},
    };

    replication_last(raft, &request.request_vote.last_log_index,
                     &request.request_vote.last_log_term);
    for (int32_t to = 1; to <= raft->config.servers; to++) {
        if (to != raft->config.id)
            raft_send(raft, to, &request);
    }
}

/* "Increment currentTerm, vote for self, reset election timer, send RequestVote RPCs to all other
 * servers".  INT32_MAX is no term: who has no higher one waits for others. */
void election_begin(struct raft *raft)
{
    raft_restart_election_timer(raft);
    if (raft->term >= INT32_MAX - 1)
        return;
    raft->role = RAFT_CANDIDATE;
    raft->leader = RAFT_NOBODY;
    raft_set_vote(raft, raft->term + 1, raft->config.id);
    raft->votes = bit(raft->config.id);
    raft_sync(raft); /* its own vote counts once it is kept */
    if (has_majority(raft))
        lead(raft);
    else
        ask_for_votes(raft);
}

void election_on_reply(struct raft *raft, int32_t from, const struct request_vote_reply *reply)
{
    if (raft->role != RAFT_CANDIDATE || reply->term != raft->term || !reply->vote_granted)
        return;
    raft->votes |= bit(from);
    if (has_majority(raft))
        lead(raft);
}

/* --- voters --- */

/* 5.4.1: "If the logs have last entries with different terms, then the log with the later term is
 * more up-to-date.  If the logs end with the same term, then whichever log is longer". */
static bool is_up_to_date(const struct raft *raft, const struct request_vote *m)
{
    int32_t last_index, last_term;

    replication_last(raft, &last_index, &last_term);
    if (m->last_log_term != last_term)
        return m->last_log_term > last_term;
    return m->last_log_index >= last_index;
}

static bool may_grant(const struct raft *raft, const struct request_vote *m)
{
    return m->term == raft->term &&
           (raft->voted_for == RAFT_NOBODY || raft->voted_for == m->candidate_id) &&
           is_up_to_date(raft, m);
}

void election_on_request(struct raft *raft, const struct request_vote *request)
{
    struct message reply = {.type = REQUEST_VOTE_REPLY};

    reply.request_vote_reply.term = raft->term;
    reply.request_vote_reply.vote_granted = may_grant(raft, request);
    if (reply.request_vote_reply.vote_granted) {
        if (raft->voted_for == RAFT_NOBODY)
            raft_set_vote(raft, raft->term, request->candidate_id);
        raft_restart_election_timer(raft);
    }
    raft_send(raft, request->candidate_id, &reply);
}

/* --- followers --- */

/* A leader had no election timer that ran; a candidate's goes on. */
void election_follow(struct raft *raft, int32_t term, int32_t leader)
{
    if (raft->role == RAFT_LEADER)
        raft_restart_election_timer(raft);
    raft->role = RAFT_FOLLOWER;
    raft->leader = leader;
    if (term > raft->term)
        raft_set_vote(raft, term, RAFT_NOBODY);
}

/* No other server can lead in a term in which this one does, or of which it knows the leader. */
bool election_heed(struct raft *raft, int32_t term, int32_t leader)
{
    if (term < raft->term || raft->role == RAFT_LEADER)
        return false;
    if (raft->leader != RAFT_NOBODY && raft->leader != leader)
        return false;
    election_follow(raft, term, leader);
    raft_restart_election_timer(raft);
    return true;
}
