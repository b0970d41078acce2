/* election.c - who leads: sections 5.1, 5.2 and 5.4.1 of the paper, and its figure 2.
 *
 * A vote is a promise, so it is kept before it is told.  From that alone follows at most one leader
 * a term: two majorities have a server in common, and that one has voted once. */
#include "raft_state.h"

/* A server in this term stands no more: there would be no term after the next. */
enum { LAST_TERM = INT32_MAX - 1 };

/* --- candidates --- */

static uint64_t bit_of(int32_t id)
{
    return UINT64_C(1) << (id - 1);
}

static bool has_majority(const struct raft *raft)
{
    int32_t count = 0;

    for (uint64_t votes = raft->votes; votes != 0; votes &= votes - 1)
        count++;
    return 2 * count > raft->config.servers;
}

/* "Upon election: send initial empty AppendEntries RPCs (heartbeat) to each server". */
static void lead(struct raft *raft)
{
    raft->role = RAFT_LEADER;
    raft->leader = raft->config.id;
    raft->heartbeat_due = raft->now + raft->config.heartbeat_ms;
    replication_lead(raft);
}

static void ask_all(struct raft *raft)
{
    struct message m = {
        .type = REQUEST_VOTE,
        .request_vote = {.term = raft->term, .candidate_id = raft->config.id},
    };

    replication_last(raft, &m.request_vote.last_log_index, &m.request_vote.last_log_term);
    for (int32_t to = 1; to <= raft->config.servers; to++) {
        if (to != raft->config.id)
            raft_send(raft, to, &m);
    }
}

/* "On conversion to candidate, start election: increment currentTerm, vote for self, reset election
 * timer, send RequestVote RPCs to all other servers".  A server alone has its majority at once; so
 * its vote, too, is synced before it counts. */
void election_begin(struct raft *raft)
{
    raft_restart_election_timer(raft);
    if (raft->term >= LAST_TERM)
        return;
    raft->role = RAFT_CANDIDATE;
    raft->leader = RAFT_NOBODY;
    raft->votes = bit_of(raft->config.id);
    raft_set_vote(raft, raft->term + 1, raft->config.id);
    raft_sync(raft);
    ask_all(raft);
    if (has_majority(raft))
        lead(raft);
}

/* "If votes received from majority of servers: become leader". */
void election_on_reply(struct raft *raft, int32_t from, const struct request_vote_reply *reply)
{
    if (raft->role != RAFT_CANDIDATE || !reply->vote_granted)
        return;
    raft->votes |= bit_of(from);
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

/* "Reply false if term < currentTerm"; "if votedFor is null or candidateId, and candidate's log is
 * at least as up-to-date as receiver's log, grant vote". */
static bool may_grant(const struct raft *raft, const struct request_vote *m)
{
    bool is_free = raft->voted_for == RAFT_NOBODY || raft->voted_for == m->candidate_id;

    return m->term == raft->term && is_free && is_up_to_date(raft, m);
}

/* The timer restarts only if the vote is granted: a candidate that can't win shall not hold up one
 * that can. */
void election_on_request(struct raft *raft, const struct request_vote *request)
{
    bool granted = may_grant(raft, request);

    if (granted && raft->voted_for == RAFT_NOBODY)
        raft_set_vote(raft, raft->term, request->candidate_id);
    if (granted)
        raft_restart_election_timer(raft);
    raft_send(raft, request->candidate_id,
              &(struct message){
                  .type = REQUEST_VOTE_REPLY,
                  .request_vote_reply = {.term = raft->term, .vote_granted = granted},
              });
}

/* --- followers --- */

/* A vote holds for its term: it is gone with the term, and not before.  A leader had no timeout
 * while it led. */
void election_follow(struct raft *raft, int32_t term, int32_t leader)
{
    if (raft->role == RAFT_LEADER)
        raft_restart_election_timer(raft);
    if (term > raft->term)
        raft_set_vote(raft, term, RAFT_NOBODY);
    raft->role = RAFT_FOLLOWER;
    raft->leader = leader;
}

/* "If AppendEntries RPC received from new leader: convert to follower".  Whoever knows a leader of
 * this term, itself maybe, heeds no other one. */
bool election_heed(struct raft *raft, int32_t term, int32_t leader)
{
    if (term < raft->term)
        return false;
    if (raft->leader == RAFT_NOBODY)
        election_follow(raft, term, leader);
    if (raft->leader != leader)
        return false;
    raft_restart_election_timer(raft);
    return true;
}
