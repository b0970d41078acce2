/* election.c - the three roles, each with a conduct of its own. */
#include "eager.h"

static uint64_t bit(int32_t id)
{
    return (uint64_t)1 << (id - 1);
}

static int32_t count(uint64_t set)
{
    return (int32_t)__builtin_popcountll(set);
}

static int32_t majority(const struct server *server)
{
    return server->raft.config.servers / 2 + 1;
}

static bool is_over(const struct server *server, int64_t due)
{
    return server->raft.now >= due;
}

static void stand(struct server *server);

/* --- followers --- */

void begin_to_follow(struct server *server, int64_t now)
{
    server->raft.now = now;
    server->raft.role = RAFT_FOLLOWER;
    raft_restart_election_timer(&server->raft);
    save_again(server); /* as it was saved last, but maybe not synced */
}

static void wait_for_leader(struct server *server)
{
    if (is_over(server, server->raft.election_due))
        stand(server);
}

static int64_t follower_deadline(const struct server *server)
{
    return server->raft.election_due;
}

static void ignore_vote(struct server *server, int32_t from, bool is_granted)
{
    (void)server;
    (void)from;
    (void)is_granted;
}

/* Another leader of the same term is no correct server. */
static bool follow_leader(struct server *server, const struct append_entries *request)
{
    struct raft *raft = &server->raft;

    if (raft->leader != RAFT_NOBODY && raft->leader != request->leader_id) {
        replication_refuse(raft, request);
        return false;
    }
    raft->role = RAFT_FOLLOWER;
    raft->leader = request->leader_id;
    raft_restart_election_timer(raft);
    replication_on_request(raft, request);
    return true;
}

static void go_on(struct server *server)
{
    (void)server;
}

/* --- candidates --- */

/* All who have not granted: a request or its reply may have got lost. */
static void ask(struct server *server)
{
    struct raft *raft = &server->raft;
    struct message request = {
        .type = REQUEST_VOTE,
        .request_vote = {.term = raft->term, .candidate_id = raft->config.id},
    };
    struct request_vote *vote = &request.request_vote;
    int32_t quarter = raft->config.election_min_ms / 4;

    replication_last(raft, &vote->last_log_index, &vote->last_log_term);
    for (int32_t to = raft->config.servers; to >= 1; to--) {
        if ((raft->votes & bit(to)) == 0)
            raft_send(raft, to, &request);
    }
    server->repeat_due = time_in(server, quarter > 0 ? quarter : 1);
}

static void beat(struct server *server)
{
    struct raft *raft = &server->raft;
    int64_t half = raft->config.heartbeat_ms / 2;

    replication_beat(raft);
    raft->heartbeat_due = time_in(server, half > 0 ? earlier(half, LONGEST_SLEEP_MS) : 1);
}

static void lead_if_elected(struct server *server)
{
    struct raft *raft = &server->raft;

    if (count(raft->votes) < majority(server))
        return;
    raft->role = RAFT_LEADER;
    raft->leader = raft->config.id;
    replication_lead(raft);
    beat(server);
}

/* There is no higher term than INT32_MAX - 1: who can't stand again waits for others. */
static void stand(struct server *server)
{
    struct raft *raft = &server->raft;

    raft_restart_election_timer(raft);
    if (raft->term >= INT32_MAX - 1) {
        raft->role = RAFT_FOLLOWER;
        return;
    }
    raft_set_vote(raft, raft->term + 1, raft->config.id);
    raft->role = RAFT_CANDIDATE;
    raft->leader = RAFT_NOBODY;
    raft->votes = bit(raft->config.id);
    server->refusals = 0;
    lead_if_elected(server);
    if (raft->role == RAFT_CANDIDATE)
        ask(server);
}

static void wait_for_votes(struct server *server)
{
    if (is_over(server, server->raft.election_due)) {
        stand(server);
    } else if (is_over(server, server->repeat_due)) {
        save_again(server);
        ask(server);
    }
}

static int64_t candidate_deadline(const struct server *server)
{
    return earlier(server->raft.election_due, server->repeat_due);
}

/* The rest can't elect it any more: it is no candidate then, until its timer runs out. */
static void step_down_if_refused(struct server *server)
{
    if (server->raft.config.servers - count(server->refusals) < majority(server))
        server->raft.role = RAFT_FOLLOWER;
}

static void count_vote(struct server *server, int32_t from, bool is_granted)
{
    if (is_granted) {
        server->raft.votes |= bit(from);
        server->refusals &= ~bit(from);
        lead_if_elected(server);
    } else if ((server->raft.votes & bit(from)) == 0) {
        server->refusals |= bit(from);
        step_down_if_refused(server);
    }
}

/* --- leaders --- */

static void lead_on(struct server *server)
{
    if (is_over(server, server->raft.heartbeat_due))
        beat(server);
}

static int64_t leader_deadline(const struct server *server)
{
    return server->raft.heartbeat_due;
}

/* It is not needed any more, but tells of one who may not know yet who leads. */
static void greet_voter(struct server *server, int32_t from, bool is_granted)
{
    (void)from;
    (void)is_granted;
    beat(server);
}

static bool refuse_rival(struct server *server, const struct append_entries *request)
{
    replication_refuse(&server->raft, request);
    return false;
}

/* --- all of them --- */

const struct conduct *conduct_of(const struct server *server)
{
    static const struct conduct conducts[] = {
        [RAFT_FOLLOWER] = {wait_for_leader, follower_deadline, ignore_vote, follow_leader, go_on},
        [RAFT_CANDIDATE] = {wait_for_votes, candidate_deadline, count_vote, follow_leader, go_on},
        [RAFT_LEADER] = {lead_on, leader_deadline, greet_voter, refuse_rival, beat},
    };

    return &conducts[server->raft.role];
}

void obey_newer_term(struct server *server, int32_t term)
{
    struct raft *raft = &server->raft;

    if (term <= raft->term)
        return;
    if (raft->role == RAFT_LEADER)
        raft_restart_election_timer(raft);
    raft->role = RAFT_FOLLOWER;
    raft->leader = RAFT_NOBODY;
    raft_set_vote(raft, term, RAFT_NOBODY);
}

static bool is_behind(const struct raft *raft, const struct request_vote *request)
{
    int32_t index, term;

    replication_last(raft, &index, &term);
    return request->last_log_term < term ||
           (request->last_log_term == term && request->last_log_index < index);
}

/* Asked for the same vote again, it gives it again, and waits as long for the outcome. */
void answer_candidate(struct server *server, const struct request_vote *request)
{
    struct raft *raft = &server->raft;
    int32_t candidate = request->candidate_id;
    bool is_free = raft->voted_for == RAFT_NOBODY || raft->voted_for == candidate;

    if (request->term < raft->term || !is_free || is_behind(raft, request)) {
        send_vote(server, candidate, false);
        if (request->term == raft->term)
            conduct_of(server)->on_asked(server);
        return;
    }
    raft_set_vote(raft, raft->term, candidate);
    raft_restart_election_timer(raft);
    send_vote(server, candidate, true);
}
