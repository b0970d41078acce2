/* raft_sim.c - runs servers of a student's core for the grader's simulator, forked as in sim.h.
 *
 * Jobs to a server; times are i64 milliseconds:
 *     n  i64 now | i32 id, servers, election_min_ms, election_max_ms, heartbeat_ms, term, voted_for |
 *        u64 seed | the saved entries, each i32 term | u32 size | bytes: raft_new, and raft_load for
 *        each entry.  The first job, and no later one.
 *     t  i64 now: raft_tick.
 *     r  i64 now | i32 from | bytes: raft_receive.  They end where their block of the heap does.
 *     p  i64 now | bytes: raft_propose.
 *     s  nothing: only the status is asked for.
 * The answer to each is what the server did meanwhile, in order, and then its state:
 *     1  send: i32 to | u32 size | bytes
 *     2  save_vote: i32 term, voted_for
 *     3  save_entry: i32 index, term | u32 size | bytes
 *     4  sync
 *     5  apply: i32 index, term | u32 size | bytes
 *     i64 deadline | i32 what the call returned (0 where that is nothing) | i32 role, term,
 *     voted_for, leader, last_index, commit_index: the last 36 bytes */
#include "jobs.h"
#include "raft.h"
#include "sim.h"

enum effect { SEND = 1, SAVE_VOTE, SAVE_ENTRY, SYNC, APPLY };

/* --- what a server does --- */

static void on_send(void *context, int32_t to, const uint8_t *message, size_t len)
{
    (void)context;
    jobs_answer_integer(SEND, 1);
    sim_answer_number(to);
    sim_answer_bytes(message, len);
}

static void on_save_vote(void *context, int32_t term, int32_t voted_for)
{
    (void)context;
    jobs_answer_integer(SAVE_VOTE, 1);
    sim_answer_number(term);
    sim_answer_number(voted_for);
}

static void answer_entry(enum effect effect, int32_t index, int32_t term, const uint8_t *data,
                         size_t len)
{
    jobs_answer_integer(effect, 1);
    sim_answer_number(index);
    sim_answer_number(term);
    sim_answer_bytes(data, len);
}

static void on_save_entry(void *context, int32_t index, int32_t term, const uint8_t *data,
                          size_t len)
{
    (void)context;
    answer_entry(SAVE_ENTRY, index, term, data, len);
}

static void on_sync(void *context)
{
    (void)context;
    jobs_answer_integer(SYNC, 1);
}

static void on_apply(void *context, int32_t index, int32_t term, const uint8_t *data, size_t len)
{
    (void)context;
    answer_entry(APPLY, index, term, data, len);
}

/* --- what happens to it --- */

static struct raft *raft;

static struct raft_config take_config(struct job *job)
{
    struct raft_config config = {.id = sim_take_number(job)};

    config.servers = sim_take_number(job);
    config.election_min_ms = sim_take_number(job);
    config.election_max_ms = sim_take_number(job);
    config.heartbeat_ms = sim_take_number(job);
    config.term = sim_take_number(job);
    config.voted_for = sim_take_number(job);
    config.seed = jobs_take_integer(job, 8);
    return config;
}

static void begin(struct job *job, int64_t now)
{
    struct raft_host host = {NULL, on_send, on_save_vote, on_save_entry, on_sync, on_apply};
    struct raft_config config = take_config(job);

    raft = raft_new(&config, &host, now);
    if (raft == NULL)
        jobs_die("raft_new");
    while (job->left > 0) {
        int32_t term = sim_take_number(job);
        size_t size = jobs_take_integer(job, 4);
        if (raft_load(raft, term, jobs_take_bytes(job, size), size) != 0)
            jobs_die("raft_load");
    }
}

/* Returns what the call for this job does. */
static int32_t call(uint8_t op, struct job *job)
{
    if (op == 's')
        return 0;
    int64_t now = (int64_t)jobs_take_integer(job, 8);
    int32_t from = op == 'r' ? sim_take_number(job) : RAFT_NOBODY;

    switch (op) {
    case 'n': begin(job, now); return 0;
    case 't': raft_tick(raft, now); return 0;
    case 'r': return raft_receive(raft, now, from, job->next, job->left);
    case 'p': return raft_propose(raft, now, job->next, job->left);
    default: jobs_refuse("an unknown job");
    }
}

static void obey(uint8_t op, struct job *job)
{
    if ((raft == NULL) != (op == 'n'))
        jobs_refuse("the first job of a server is 'n', and no later one");
    int32_t returned = call(op, job);
    struct raft_status status = raft_status(raft);

    jobs_answer_integer((uint64_t)raft_deadline(raft), 8);
    sim_answer_number(returned);
    sim_answer_number((int32_t)status.role);
    sim_answer_number(status.term);
    sim_answer_number(status.voted_for);
    sim_answer_number(status.leader);
    sim_answer_number(status.last_index);
    sim_answer_number(status.commit_index);
}

int main(int argc, char **argv)
{
    (void)argc;
    return sim_serve(argv, obey);
}
