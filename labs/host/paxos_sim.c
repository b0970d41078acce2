/* paxos_sim.c - runs servers of a student's Paxos for the grader's simulator, forked as in sim.h.
 *
 * Jobs and answers have the form of raft_sim's, with a ballot (i32 round, server) where a term and a
 * vote are there:
 *     n  i64 now | i32 id, servers, retry_min_ms, retry_max_ms, 0 | ballot promised | u64 seed | what
 *        was accepted, if anything: i32 round | u32 size | i32 server, value: paxos_new, paxos_load.
 *        The first job, and no later one.
 *     t  i64 now: paxos_tick.
 *     r  i64 now | i32 from | bytes: paxos_receive.  They end where their block of the heap does.
 *     p  i64 now | bytes: paxos_propose.
 *     s  nothing: only the status is asked for.
 * The answer to each is what the server did meanwhile, in order, and then its state:
 *     1  send: i32 to | u32 size | bytes
 *     2  save_promised: ballot
 *     3  save_accepted: ballot | u32 size | value
 *     4  sync
 *     5  decided: i32 0, 0 | u32 size | value
 *     i64 deadline | i32 what the call returned (0 where that is nothing) | i32 phase | ballot
 *     promised | ballot accepted | i32 is_decided: the last 36 bytes */
#include "jobs.h"
#include "paxos.h"
#include "sim.h"

enum effect { SEND = 1, SAVE_PROMISED, SAVE_ACCEPTED, SYNC, DECIDED };

/* --- what a server does --- */

static void answer_ballot(struct paxos_ballot ballot)
{
    sim_answer_number(ballot.round);
    sim_answer_number(ballot.server);
}

static void on_send(void *context, int32_t to, const uint8_t *message, size_t len)
{
    (void)context;
    jobs_answer_integer(SEND, 1);
    sim_answer_number(to);
    sim_answer_bytes(message, len);
}

static void on_save_promised(void *context, struct paxos_ballot ballot)
{
    (void)context;
    jobs_answer_integer(SAVE_PROMISED, 1);
    answer_ballot(ballot);
}

static void on_save_accepted(void *context, struct paxos_ballot ballot, const uint8_t *value,
                             size_t len)
{
    (void)context;
    jobs_answer_integer(SAVE_ACCEPTED, 1);
    answer_ballot(ballot);
    sim_answer_bytes(value, len);
}

static void on_sync(void *context)
{
    (void)context;
    jobs_answer_integer(SYNC, 1);
}

static void on_decided(void *context, const uint8_t *value, size_t len)
{
    (void)context;
    jobs_answer_integer(DECIDED, 1);
    answer_ballot((struct paxos_ballot){0, 0});
    sim_answer_bytes(value, len);
}

/* --- what happens to it --- */

static struct paxos *paxos;

static struct paxos_config take_config(struct job *job)
{
    struct paxos_config config = {.id = sim_take_number(job)};

    config.servers = sim_take_number(job);
    config.retry_min_ms = sim_take_number(job);
    config.retry_max_ms = sim_take_number(job);
    sim_take_number(job);
    config.promised.round = sim_take_number(job);
    config.promised.server = sim_take_number(job);
    config.seed = jobs_take_integer(job, 8);
    return config;
}

static void begin(struct job *job, int64_t now)
{
    struct paxos_host host = {NULL,    on_send,   on_save_promised, on_save_accepted,
                              on_sync, on_decided};
    struct paxos_config config = take_config(job);

    paxos = paxos_new(&config, &host, now);
    if (paxos == NULL)
        jobs_die("paxos_new");
    if (job->left == 0)
        return;
    struct paxos_ballot accepted = {.round = sim_take_number(job)};
    size_t size = jobs_take_integer(job, 4) - sizeof accepted.server;
    accepted.server = sim_take_number(job);
    if (paxos_load(paxos, accepted, jobs_take_bytes(job, size), size) != 0)
        jobs_die("paxos_load");
}

/* Returns what the call for this job does. */
static int32_t call(uint8_t op, struct job *job)
{
    if (op == 's')
        return 0;
    int64_t now = (int64_t)jobs_take_integer(job, 8);
    int32_t from = op == 'r' ? sim_take_number(job) : 0;

    switch (op) {
    case 'n': begin(job, now); return 0;
    case 't': paxos_tick(paxos, now); return 0;
    case 'r': return paxos_receive(paxos, now, from, job->next, job->left);
    case 'p': return paxos_propose(paxos, now, job->next, job->left);
    default: jobs_refuse("an unknown job");
    }
}

static void obey(uint8_t op, struct job *job)
{
    if ((paxos == NULL) != (op == 'n'))
        jobs_refuse("the first job of a server is 'n', and no later one");
    int32_t returned = call(op, job);
    struct paxos_status status = paxos_status(paxos);

    jobs_answer_integer((uint64_t)paxos_deadline(paxos), 8);
    sim_answer_number(returned);
    sim_answer_number((int32_t)status.phase);
    answer_ballot(status.promised);
    answer_ballot(status.accepted);
    sim_answer_number(status.is_decided);
}

int main(int argc, char **argv)
{
    (void)argc;
    return sim_serve(argv, obey);
}
