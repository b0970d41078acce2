/* echo_server.c - an echo server with a fixed number of processes that all accept.
 *
 * The kernel hands each connection to one of the workers that wait in accept(2).  A worker serves
 * one client at a time, and retires after some: what it might have leaked goes with it.  The parent
 * only replaces workers that ended.  It hears of them by signalfd(2), so that it needs no handler. */
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WORKERS 64
#define CLIENTS_PER_WORKER 100
#define CHUNK 32768

static void nap(void)
{
    struct timespec tenth = {0, 100000000L};

    nanosleep(&tenth, NULL);
}

static bool send_chunk(int sock, const char *chunk, size_t size)
{
    size_t done = 0;

    while (done < size) {
        ssize_t n = write(sock, chunk + done, size - done);

        if (n == -1) {
            if (errno == EINTR)
                continue;
            return false;
        }
        done += (size_t)n;
    }
    return true;
}

static void capitals(char *chunk, size_t size)
{
    size_t i;

    for (i = 0; i < size; ++i) {
        if (chunk[i] >= 97 && chunk[i] <= 122)
            chunk[i] = (char)(chunk[i] - 32);
    }
}

static void echo(int sock, bool upper)
{
    static char chunk[CHUNK];
    ssize_t n;

    while ((n = read(sock, chunk, sizeof(chunk))) != 0) {
        if (n == -1) {
            if (errno == EINTR)
                continue;
            break;
        }
        if (upper)
            capitals(chunk, (size_t)n);
        if (!send_chunk(sock, chunk, (size_t)n))
            break;
    }
    close(sock);
}

/* Dies with its parent: else it would keep the port. */
static void work(int listener, bool upper, pid_t parent)
{
    int served = 0;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    while (served < CLIENTS_PER_WORKER) {
        int sock = accept(listener, NULL, NULL);

        if (sock != -1) {
            echo(sock, upper);
            ++served;
        } else if (errno == EBADF || errno == EINVAL || errno == ENOTSOCK) {
            _exit(1);
        } else if (errno != EINTR && errno != ECONNABORTED) {
            nap();
        }
    }
    _exit(0);
}

/* How many could be started; the parent's descriptor for signals is none of the workers' business. */
static int start_workers(int count, int listener, int children, bool upper)
{
    pid_t parent = getpid();
    int started;

    for (started = 0; started < count; ++started) {
        pid_t pid = fork();

        if (pid == -1)
            break;
        if (pid == 0) {
            close(children);
            work(listener, upper, parent);
        }
    }
    return started;
}

static int reap(void)
{
    int ended = 0;

    while (waitpid(-1, NULL, WNOHANG) > 0)
        ++ended;
    return ended;
}

static void wait_for_signal(int children)
{
    struct signalfd_siginfo info;
    ssize_t n = read(children, &info, sizeof(info));

    if (n == -1 && errno != EINTR) {
        perror("signalfd");
        exit(1);
    }
}

static void supervise(int listener, bool upper)
{
    int running = 0, children;
    sigset_t child_ended;

    sigemptyset(&child_ended);
    sigaddset(&child_ended, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child_ended, NULL);
    children = signalfd(-1, &child_ended, SFD_CLOEXEC);
    if (children == -1) {
        perror("signalfd");
        exit(1);
    }
    for (;;) {
        running += start_workers(WORKERS - running, listener, children, upper);
        if (running < WORKERS)
            nap(); /* no process was left: some later */
        else
            wait_for_signal(children);
        running -= reap();
    }
}

static int open_listener(unsigned port)
{
    struct sockaddr_in address;
    socklen_t size = sizeof(address);
    int on = 1, listener = socket(AF_INET, SOCK_STREAM, 0);

    if (listener == -1)
        return -1;
    memset(&address, 0, sizeof(address));
    address.sin_family = AF_INET;
    address.sin_port = htons((unsigned short)port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == -1 ||
        bind(listener, (struct sockaddr *)&address, size) == -1 ||
        listen(listener, WORKERS) == -1 ||
        getsockname(listener, (struct sockaddr *)&address, &size) == -1) {
        close(listener);
        return -1;
    }
    printf("listening on 127.0.0.1:%u\n", (unsigned)ntohs(address.sin_port));
    fflush(stdout); /* else every worker would have the line in its buffer, too */
    return listener;
}

int main(int argc, char **argv)
{
    bool upper = argc > 1 && !strcmp(argv[1], "--upper");
    char **rest = argv + 1 + upper;
    unsigned port = 65536;
    char extra;
    int listener;

    if (rest[0] && !strcmp(rest[0], "--port") && rest[1] && strlen(rest[1]) < 6 &&
        strspn(rest[1], "0123456789") == strlen(rest[1]))
        sscanf(rest[1], "%u%c", &port, &extra);
    if (port < 65536 && rest[2] && !upper && !strcmp(rest[2], "--upper")) {
        upper = true;
        ++rest;
    }
    if (port > 65535 || rest[2]) {
        fprintf(stderr, "usage: echo_server [--upper] --port N\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    listener = open_listener(port);
    if (listener == -1) {
        perror("echo_server");
        return 1;
    }
    supervise(listener, upper);
    return 0;
}
