/* raft_sim.c - runs servers of a student's core for the grader's simulator, each in a process of
 * its own: what one breaks, no other sees.  Jobs and answers are framed as in jobs.h.
 *
 * Jobs to the program that was started:
 *     f  forks a server.  Before the answer comes a byte with two descriptors (unix(7), SCM_RIGHTS):
 *        the server's socket, and the file that it prints to.  Answer: u32 pid.
 *     e  u32 pid: ends that server, if it still runs.  Answer: i32 status, as of waitpid(2).
 * A server also ends with its socket, and with the program that forked it.
 *
 * Jobs to a server, on its socket; times are i64 milliseconds:
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

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { JOBS_SOCKET = 3 };
enum effect { SEND = 1, SAVE_VOTE, SAVE_ENTRY, SYNC, APPLY };

/* --- a server: what it does --- */

static void answer_number(int32_t number)
{
    jobs_answer_integer((uint32_t)number, 4);
}

static void answer_bytes(const uint8_t *data, size_t len)
{
    jobs_answer_integer(len, 4);
    jobs_put(&jobs_answer, data, len);
}

static void on_send(void *context, int32_t to, const uint8_t *message, size_t len)
{
    (void)context;
    jobs_answer_integer(SEND, 1);
    answer_number(to);
    answer_bytes(message, len);
}

static void on_save_vote(void *context, int32_t term, int32_t voted_for)
{
    (void)context;
    jobs_answer_integer(SAVE_VOTE, 1);
    answer_number(term);
    answer_number(voted_for);
}

static void answer_entry(enum effect effect, int32_t index, int32_t term, const uint8_t *data,
                         size_t len)
{
    jobs_answer_integer(effect, 1);
    answer_number(index);
    answer_number(term);
    answer_bytes(data, len);
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

/* --- a server: what happens to it --- */

static struct raft *raft;

static int32_t take_number(struct job *job)
{
    return (int32_t)(uint32_t)jobs_take_integer(job, 4);
}

static struct raft_config take_config(struct job *job)
{
    struct raft_config config = {.id = take_number(job)};

    config.servers = take_number(job);
    config.election_min_ms = take_number(job);
    config.election_max_ms = take_number(job);
    config.heartbeat_ms = take_number(job);
    config.term = take_number(job);
    config.voted_for = take_number(job);
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
        int32_t term = take_number(job);
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
    int32_t from = op == 'r' ? take_number(job) : RAFT_NOBODY;

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
    answer_number(returned);
    answer_number((int32_t)status.role);
    answer_number(status.term);
    answer_number(status.voted_for);
    answer_number(status.leader);
    answer_number(status.last_index);
    answer_number(status.commit_index);
}

/* --- the program that forks them --- */

/* In the child: its socket takes the place of the program's own. */
static _Noreturn void serve(int jobs, int output, pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) /* it ended before that */
        exit(EXIT_FAILURE);
    if (dup2(jobs, JOBS_SOCKET) < 0 || dup2(output, STDOUT_FILENO) < 0 ||
        dup2(output, STDERR_FILENO) < 0)
        jobs_die("dup2");
    close(jobs);
    close(output);
    setlinebuf(stdout);
    exit(jobs_serve(obey));
}

static void hand_over(const int descriptors[2])
{
    size_t size = 2 * sizeof descriptors[0];
    union {
        struct cmsghdr header;
        uint8_t room[CMSG_SPACE(2 * sizeof(int))];
    } rights = {.room = {0}};
    uint8_t byte = 0;
    struct iovec data = {&byte, sizeof byte};
    struct msghdr message = {.msg_iov = &data,
                             .msg_iovlen = 1,
                             .msg_control = rights.room,
                             .msg_controllen = sizeof rights.room};

    rights.header = (struct cmsghdr){CMSG_LEN(size), SOL_SOCKET, SCM_RIGHTS};
    memcpy(CMSG_DATA(&rights.header), descriptors, size);
    if (sendmsg(JOBS_SOCKET, &message, 0) != sizeof byte)
        jobs_die("sendmsg");
}

static void fork_server(void)
{
    pid_t parent = getpid();
    int sockets[2], output = memfd_create("output", MFD_CLOEXEC);

    if (output < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0)
        jobs_die("no descriptors for a server");
    pid_t pid = fork();
    if (pid < 0)
        jobs_die("fork");
    if (pid == 0) {
        close(sockets[0]);
        serve(sockets[1], output, parent);
    }
    hand_over((int[]){sockets[0], output});
    close(sockets[0]);
    close(sockets[1]);
    close(output);
    jobs_answer_integer((uint64_t)pid, 4);
}

/* One that has ended by itself keeps its status: a signal can't change that any more. */
static void end_server(pid_t pid)
{
    int status;

    if (pid <= 0 || kill(pid, SIGKILL) != 0 || waitpid(pid, &status, 0) != pid)
        jobs_die("no such server");
    answer_number(status);
}

static void obey_forking(uint8_t op, struct job *job)
{
    switch (op) {
    case 'f': fork_server(); break;
    case 'e': end_server(take_number(job)); break;
    default: jobs_refuse("an unknown job");
    }
}

/* Starts anew without address randomisation, where that is allowed: one seed, one run.  Not under
 * valgrind, which preloads a library, and would be left behind. */
static void fix_addresses(char **argv)
{
    int persona = personality(0xffffffff); /* asks */

    if (persona < 0 || (persona & ADDR_NO_RANDOMIZE) != 0 || getenv("LD_PRELOAD") != NULL)
        return;
    if (personality((unsigned long)persona | ADDR_NO_RANDOMIZE) >= 0)
        execv(argv[0], argv);
}

int main(int argc, char **argv)
{
    (void)argc;
    fix_addresses(argv);
    return jobs_serve(obey_forking);
}
