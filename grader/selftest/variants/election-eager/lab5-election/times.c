/* times.c - the times of an eager server. */
#include "eager.h"

int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

int64_t time_in(const struct server *server, int64_t ms)
{
    int64_t now = server->raft.now;

    return now > INT64_MAX - ms ? INT64_MAX : now + ms;
}

/* A linear congruential generator (Knuth's MMIX), of which the high bits are the better ones. */
static uint32_t draw(struct raft *raft)
{
    raft->random = raft->random * 6364136223846793005 + 1442695040888963407;
    return (uint32_t)(raft->random >> 32);
}

/* The mean of two draws: any timeout from the shortest to the longest may come up, and one between
 * them does so most often. */
void raft_restart_election_timer(struct raft *raft)
{
    uint64_t min = (uint64_t)raft->config.election_min_ms;
    uint64_t choices = (uint64_t)raft->config.election_max_ms - min + 1;
    uint64_t one = draw(raft) % choices, other = draw(raft) % choices;

    raft->election_due =
        time_in((const struct server *)raft, (int64_t)(min + (one + other + 1) / 2));
}
