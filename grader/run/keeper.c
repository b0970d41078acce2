/* keeper.c - runs one program under limits, says what became of it, and lets nothing survive it.
 *
 *     keeper [-n FILES] [-p PROCESSES] [-s FILE_BYTES] [-c CPU_SECONDS] [-u UID]
 *            [-g GROUP]... [-w] [-i] -f CONTROL PROGRAM [ARG...]
 *
 * CONTROL is a connected SOCK_SEQPACKET socket to the grader.  To the grader go three kinds of
 * message:
 *
 *     "S"               sent by the program's own process just before it becomes the program, so
 *                       that the message's credentials (unix(7), SO_PASSCRED) name its pid as the
 *                       grader sees it
 *     "X errno"         the program could not be executed
 *     "E status"        the program ended: its status as of waitpid(2)
 *
 * From the grader comes one byte a signal, to be sent to the program.  When the grader closes the
 * socket, or dies, the keeper kills all that the program left behind, and exits.
 *
 * Each GROUP is the open cgroup.procs of a control group that the program shall be in: cgroups(7).
 *
 * -i: as the first process of a PID namespace; without it, descendants are found through /proc.  Not by
 * their user: -u names one to drop to first, and other programs of the same grader have it too.  -w:
 * without the filter of calls, which the program, one of the grader's, puts up itself. */
#include "keeper_filter.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST_PROCESSES = 1 << 16, MOST_GROUPS = 4 };

struct process {
    pid_t pid, parent;
};

struct options {
    int control, groups[MOST_GROUPS], group_count;
    rlim_t files, processes, file_bytes, cpu_seconds;
    uid_t uid; /* 0: stay who we are */
    bool is_unfiltered, in_namespace;
};

static int usage(void)
{
    fprintf(stderr, "usage: keeper [-n FILES] [-p PROCESSES] [-s FILE_BYTES] [-c CPU_SECONDS] [-u "
                    "UID] [-g GROUP]... [-w] [-i] "
                    "-f CONTROL PROGRAM [ARG...]\n");
    return 2;
}

static bool parse_options(int argc, char **argv, struct options *options)
{
    int c;

    while ((c = getopt(argc, argv, "+f:g:n:p:s:c:u:wi")) != -1) {
        unsigned long value = optarg != NULL ? strtoul(optarg, NULL, 10) : 0;
        switch (c) {
        case 'f': options->control = (int)value; break;
        case 'g':
            if (options->group_count == MOST_GROUPS || fcntl((int)value, F_SETFD, FD_CLOEXEC) < 0)
                return false;
            options->groups[options->group_count++] = (int)value;
            break;
        case 'n': options->files = value; break;
        case 'p': options->processes = value; break;
        case 's': options->file_bytes = value; break;
        case 'c': options->cpu_seconds = value; break;
        case 'u': options->uid = (uid_t)value; break;
        case 'w': options->is_unfiltered = true; break;
        case 'i': options->in_namespace = true; break;
        default: return false;
        }
    }
    return options->control >= 0 && optind < argc;
}

static bool limit(int resource, rlim_t value)
{
    struct rlimit both = {.rlim_cur = value, .rlim_max = value};

    return value == RLIM_INFINITY || setrlimit((__rlimit_resource_t)resource, &both) == 0;
}

static bool drop_to(uid_t uid)
{
    return uid == 0 || (setgroups(0, NULL) == 0 && setresgid(uid, uid, uid) == 0 &&
                        setresuid(uid, uid, uid) == 0);
}

/* Where memory is short, the kernel ends what runs here before it ends graders: proc(5).  A container
 * may refuse that. */
static void be_ended_first(void)
{
    FILE *file = fopen("/proc/self/oom_score_adj", "we");

    if (file == NULL)
        return;
    fputs("1000", file);
    fclose(file);
}

/* Kernels before 5.16 ask who writes, and may refuse: then the program is bounded without them. */
static void join_groups(const struct options *options)
{
    for (int i = 0; i < options->group_count; i++)
        if (write(options->groups[i], "0", 1) < 0)
            errno = 0;
}

/* In the program's own process, before execvp.  The death signal comes last: a change of user
 * clears it. */
static bool prepare(const struct options *options, const sigset_t *mask)
{
    join_groups(options);
    personality(ADDR_NO_RANDOMIZE); /* refused in some containers: then addresses stay random */
    /* A core of 1 byte: with 0, one for a pipe would still be written, core(5). */
    return setsid() >= 0 && limit(RLIMIT_CORE, 1) && limit(RLIMIT_NOFILE, options->files) &&
           limit(RLIMIT_FSIZE, options->file_bytes) && limit(RLIMIT_CPU, options->cpu_seconds) &&
           limit(RLIMIT_NPROC, options->processes) && drop_to(options->uid) &&
           prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 &&
           (options->is_unfiltered || filter_calls()) && sigprocmask(SIG_SETMASK, mask, NULL) == 0;
}

static void run_program(const struct options *options, char **argv, const sigset_t *mask)
{
    char text[32];

    if (prepare(options, mask) && send(options->control, "S", 1, MSG_NOSIGNAL) == 1)
        execvp(argv[0], argv);
    int len = snprintf(text, sizeof text, "X %d", errno);
    send(options->control, text, (size_t)len, MSG_NOSIGNAL);
    _exit(127);
}

/* Reaps all that has ended.  Returns true if the program is among it, and tells the grader. */
static bool reap(int control, pid_t program)
{
    bool ended = false;
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        char text[32];
        if (pid != program)
            continue;
        int len = snprintf(text, sizeof text, "E %d", status);
        send(control, text, (size_t)len, MSG_NOSIGNAL);
        ended = true;
    }
    return ended;
}

/* The parent of pid, or 0: the fourth field of /proc/PID/stat, after the name in parentheses. */
static pid_t parent_of(pid_t pid)
{
    char path[32], text[512] = "";

    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return 0;
    size_t len = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[len] = '\0';
    char *after_name = strrchr(text, ')');
    return after_name != NULL && strlen(after_name) > 4 ? (pid_t)strtol(after_name + 4, NULL, 10)
                                                        : 0;
}

/* All processes that this one sees, in the order of their numbers: so readdir gives them. */
static size_t list_processes(struct process *list)
{
    size_t count = 0;
    DIR *proc = opendir("/proc");
    struct dirent *entry;

    while (proc != NULL && count < MOST_PROCESSES && (entry = readdir(proc)) != NULL) {
        if (!isdigit((unsigned char)entry->d_name[0]))
            continue;
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
        list[count++] = (struct process){.pid = pid, .parent = parent_of(pid)};
    }
    if (proc != NULL)
        closedir(proc);
    return count;
}

static int by_pid(const void *left, const void *right)
{
    const struct process *a = left, *b = right;

    return (a->pid > b->pid) - (a->pid < b->pid);
}

static bool is_descendant(const struct process *list, size_t count, pid_t pid)
{
    const struct process *found = &(struct process){.parent = pid};

    while (found != NULL && found->parent > 1 && found->parent != getpid()) {
        struct process key = {.pid = found->parent};
        found = bsearch(&key, list, count, sizeof *list, by_pid);
    }
    return found != NULL && found->parent == getpid();
}

/* Sends sig to all our descendants; returns how many there were. */
static int signal_descendants(int sig)
{
    static struct process list[MOST_PROCESSES];
    size_t count = list_processes(list);
    int sent = 0;

    for (size_t i = 0; i < count; i++)
        if (list[i].pid != getpid() && is_descendant(list, count, list[i].pid)) {
            kill(list[i].pid, sig);
            sent++;
        }
    return sent;
}

/* Stops them all first: what is stopped can't fork, so the count comes to rest. */
static void kill_descendants(void)
{
    int before = -1, now;

    while ((now = signal_descendants(SIGSTOP)) != before)
        before = now;
    signal_descendants(SIGKILL);
}

static void kill_once(const struct options *options)
{
    if (options->in_namespace)
        kill(-1, SIGKILL);
    else
        kill_descendants();
}

/* Again after those that ended: one may have forked while the others were counted. */
static void kill_everything(const struct options *options)
{
    kill_once(options);
    while (waitpid(-1, NULL, 0) > 0) {
        while (waitpid(-1, NULL, WNOHANG) > 0)
            ;
        kill_once(options);
    }
}

/* Until the grader closes the control socket. */
static void keep(int control, pid_t program, int signals)
{
    struct pollfd fds[] = {{.fd = control, .events = POLLIN}, {.fd = signals, .events = POLLIN}};
    bool running = true;

    for (;;) {
        struct signalfd_siginfo info;
        unsigned char command;

        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            return;
        if (fds[1].revents != 0 && read(signals, &info, sizeof info) > 0 && reap(control, program))
            running = false;
        if (fds[0].revents == 0)
            continue;
        if (recv(control, &command, 1, 0) != 1)
            return;
        if (running)
            kill(program, command);
    }
}

int main(int argc, char **argv)
{
    struct options options = {
        .control = -1,
        .files = RLIM_INFINITY,
        .processes = RLIM_INFINITY,
        .file_bytes = RLIM_INFINITY,
        .cpu_seconds = RLIM_INFINITY,
    };
    sigset_t blocked, before;

    if (!parse_options(argc, argv, &options))
        return usage();
    sigfillset(&blocked);
    sigprocmask(SIG_BLOCK, &blocked, &before);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGCHLD);
    int signals = signalfd(-1, &blocked, SFD_CLOEXEC);
    be_ended_first();
    prctl(PR_SET_DUMPABLE,
          0); /* of one user with the program, yet not to be traced or read by it */
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    if (signals < 0 || fcntl(options.control, F_SETFD, FD_CLOEXEC) < 0)
        return EXIT_FAILURE;

    pid_t program = fork();
    if (program < 0)
        return EXIT_FAILURE;
    if (program == 0)
        run_program(&options, argv + optind, &before);
    for (int fd = 0; fd <= 2; fd++)
        close(fd);
    keep(options.control, program, signals);
    kill_everything(&options);
    return EXIT_SUCCESS;
}
