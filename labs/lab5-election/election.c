/* election.c - who leads: sections 5.1, 5.2 and 5.4.1 of the paper, and its figure 2.
 *
 * Have figure 2 beside you: each of its sentences about elections has one place here, or in raft.c.
 * Why can't two servers lead in the same term? */
#include "raft_state.h"

/* --- candidates --- */

/* Whether raft->votes are enough.  Of whom: of the servers that answer, or of all? */
static bool has_majority(const struct raft *raft)
{
    (void)raft;
    /* Your code here. */
    return false;
}

/* How soon do the others learn of it? */
static void lead(struct raft *raft)
{
    (void)raft;
    /* Your code here. */
}

/* Figure 2 names four things that a new candidate does.  Which of them must be on the disk before
 * which?  What if there is no other server, and what if there is no higher term? */
void election_begin(struct raft *raft)
{
    (void)raft;
    (void)has_majority;
    (void)lead;
    /* Your code here. */
}

/* A reply may come twice, or when it no longer matters. */
void election_on_reply(struct raft *raft, int32_t from, const struct request_vote_reply *reply)
{
    (void)raft;
    (void)from;
    (void)reply;
    /* Your code here. */
}

/* --- voters --- */

/* 5.4.1.  Which of two logs has more: the longer one? */
static bool is_up_to_date(const struct raft *raft, const struct request_vote *m)
{
    (void)raft;
    (void)m;
    /* Your code here. */
    return false;
}

/* Every request is answered.  When does the election timer restart, and when not? */
void election_on_request(struct raft *raft, const struct request_vote *request)
{
    (void)raft;
    (void)request;
    (void)is_up_to_date;
    /* Your code here. */
}

/* --- followers --- */

/* What becomes of the vote if the term is new, and if it is not?  Which role had no timer to run
 * out? */
void election_follow(struct raft *raft, int32_t term, int32_t leader)
{
    (void)raft;
    (void)term;
    (void)leader;
    /* Your code here. */
}

/* Which servers have to follow it, and which know better? */
bool election_heed(struct raft *raft, int32_t term, int32_t leader)
{
    (void)raft;
    (void)term;
    (void)leader;
    /* Your code here. */
    return false;
}
