#include "sim.h"

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

int32_t sim_take_number(struct job *job)
{
    return (int32_t)(uint32_t)jobs_take_integer(job, 4);
}

void sim_answer_number(int32_t number)
{
    jobs_answer_integer((uint32_t)number, 4);
}

void sim_answer_bytes(const uint8_t *data, size_t len)
{
    jobs_answer_integer(len, 4);
    jobs_put(&jobs_answer, data, len);
}

static void (*obey)(uint8_t op, struct job *job);

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
    sim_answer_number(status);
}

static void obey_forking(uint8_t op, struct job *job)
{
    switch (op) {
    case 'f': fork_server(); break;
    case 'e': end_server(sim_take_number(job)); break;
    default: jobs_refuse("an unknown job");
    }
}

/* Starts anew without address randomisation, where that is allowed: one seed, one run.  And with
 * all functions of libraries looked up (ld.so(8)), which each server would do again.  Not under
 * valgrind, which preloads a library, and would be left behind. */
static void fix_addresses(char **argv)
{
    int persona = personality(0xffffffff); /* asks */

    if (persona < 0 || (persona & ADDR_NO_RANDOMIZE) != 0 || getenv("LD_PRELOAD") != NULL)
        return;
    setenv("LD_BIND_NOW", "1", 1);
    if (personality((unsigned long)persona | ADDR_NO_RANDOMIZE) >= 0)
        execv(argv[0], argv);
}

int sim_serve(char **argv, void (*obey_server)(uint8_t op, struct job *job))
{
    fix_addresses(argv);
    obey = obey_server;
    return jobs_serve(obey_forking);
}
