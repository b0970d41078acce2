/* election.c - who leads, in two functions: what messages do, and what time does. */
#include "lazy.h"

/* --- timers --- */

/* The last step of MurmurHash3 (Appleby 2011). */
static uint64_t mix(uint64_t z)
{
    z = (z ^ z >> 33) * 0xff51afd7ed558ccd;
    z = (z ^ z >> 33) * 0xc4ceb9fe1a85ec53;
    return z ^ z >> 33;
}

/* A timeout belongs to an election, and each has a term of its own: so it need not be drawn. */
void raft_restart_election_timer(struct raft *raft)
{
    const struct raft_config *config = &raft->config;
    uint64_t names = (uint64_t)config->id << 32 | (uint32_t)raft->term;
    uint64_t choices = (uint64_t)config->election_max_ms - (uint64_t)config->election_min_ms + 1;
    uint64_t more = mix(mix(config->seed) ^ names) % choices;

    raft->election_due = raft->now + config->election_min_ms + (int64_t)more;
}

/* A leader that is alone has nobody to tell, and a follower in the last term can't stand. */
int64_t time_is_due(const struct raft *raft)
{
    bool is_done = raft->role == RAFT_LEADER ? raft->votes == 0 && raft->config.servers == 1
                                             : raft->term == LAST_TERM;

    return is_done ? INT64_MAX : raft->election_due;
}

/* --- what time and messages do --- */

/* Heartbeats are what raft_tick does, and due now: that it leads, it says then. */
static void lead_if_elected(struct raft *raft)
{
    int32_t lacking = raft->config.servers / 2 + 1;

    for (uint64_t votes = raft->votes; votes != 0; votes &= votes - 1)
        lacking--;
    if (lacking > 0)
        return;
    raft->role = RAFT_LEADER;
    raft->leader = raft->config.id;
    raft->election_due = raft->now;
}

static void beat(struct raft *raft)
{
    int64_t period = raft->config.heartbeat_ms;

    raft->election_due += ((raft->now - raft->election_due) / period + 1) * period;
    if (raft->votes == 0) {
        replication_beat(raft);
        return;
    }
    raft->votes = 0;
    replication_lead(raft);
}

static void ask(struct raft *raft)
{
    struct message m = {.type = REQUEST_VOTE,
                        .request_vote = {.term = raft->term, .candidate_id = raft->config.id}};

    replication_last(raft, &m.request_vote.last_log_index, &m.request_vote.last_log_term);
    for (int32_t step = 1; step < raft->config.servers; step++)
        raft_send(raft, (raft->config.id - 1 + step) % raft->config.servers + 1, &m);
}

void take_time(struct raft *raft)
{
    if (raft->role == RAFT_LEADER) {
        beat(raft);
        return;
    }
    raft->role = RAFT_CANDIDATE;
    raft->leader = RAFT_NOBODY;
    raft_set_vote(raft, raft->term + 1, raft->config.id);
    raft->votes = UINT64_C(1) << (raft->config.id - 1);
    raft_restart_election_timer(raft);
    ask(raft);
    lead_if_elected(raft);
    if (raft->role == RAFT_LEADER) /* alone */
        beat(raft);
}

static bool deserves_vote(const struct raft *raft, const struct request_vote *m)
{
    int32_t index, term;

    replication_last(raft, &index, &term);
    return ((int64_t)m->last_log_term << 32 | m->last_log_index) >= ((int64_t)term << 32 | index);
}

/* A vote that is given for the second time restarts nothing. */
static void answer(struct raft *raft, const struct request_vote *m)
{
    struct message reply = {.type = REQUEST_VOTE_REPLY, .request_vote_reply = {.term = raft->term}};

    if (raft->voted_for == RAFT_NOBODY && deserves_vote(raft, m)) {
        raft_set_vote(raft, raft->term, m->candidate_id);
        raft_restart_election_timer(raft);
    }
    reply.request_vote_reply.vote_granted =
        raft->voted_for == m->candidate_id && deserves_vote(raft, m);
    raft_send(raft, m->candidate_id, &reply);
}

#define PAIR(role, type) ((unsigned)(role) << 8 | (unsigned)(type))

static void refuse(struct raft *raft, const struct message *m)
{
    struct message no = {.type = REQUEST_VOTE_REPLY, .request_vote_reply = {.term = raft->term}};

    if (m->type == REQUEST_VOTE)
        raft_send(raft, m->request_vote.candidate_id, &no);
    else if (m->type == APPEND_ENTRIES)
        replication_refuse(raft, &m->append_entries);
}

void take_message(struct raft *raft, int32_t from, const struct message *m)
{
    int32_t term = term_of(m);

    if (term < raft->term) {
        refuse(raft, m);
        return;
    }
    if (term > raft->term) {
        raft_set_vote(raft, term, RAFT_NOBODY);
        if (raft->role == RAFT_LEADER)
            raft_restart_election_timer(raft);
        raft->role = RAFT_FOLLOWER;
        raft->leader = RAFT_NOBODY;
    }
    switch (PAIR(raft->role, m->type)) {
    case PAIR(RAFT_FOLLOWER, REQUEST_VOTE):
    case PAIR(RAFT_CANDIDATE, REQUEST_VOTE):
    case PAIR(RAFT_LEADER, REQUEST_VOTE): answer(raft, &m->request_vote); break;

    case PAIR(RAFT_CANDIDATE, REQUEST_VOTE_REPLY):
        if (m->request_vote_reply.vote_granted)
            raft->votes |= UINT64_C(1) << (from - 1);
        lead_if_elected(raft);
        break;

    case PAIR(RAFT_FOLLOWER, APPEND_ENTRIES):
    case PAIR(RAFT_CANDIDATE, APPEND_ENTRIES):
        if (raft->leader != RAFT_NOBODY && raft->leader != m->append_entries.leader_id) {
            replication_refuse(raft, &m->append_entries);
            break;
        }
        raft->role = RAFT_FOLLOWER;
        raft->leader = m->append_entries.leader_id;
        raft_restart_election_timer(raft);
        replication_on_request(raft, &m->append_entries);
        break;

    case PAIR(RAFT_LEADER, APPEND_ENTRIES): replication_refuse(raft, &m->append_entries); break;

    case PAIR(RAFT_LEADER, APPEND_ENTRIES_REPLY):
        replication_on_reply(raft, &m->append_entries_reply);
        break;

    default: break;
    }
}
