/* select_client.c - copies standard input to a server and the server to standard output, both at
 * once, in one thread.
 *
 * select(2) says which of the three descriptors can be read or written now.  Only the socket is
 * made non-blocking.  O_NONBLOCK belongs to the open file description, which standard input and
 * output share with the shell and with whoever else holds them: these would find them changed.  So
 * they stay as they are, and are read and written only when select says that it is possible, and a
 * write is so short that it does not wait then. */
#include "net.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <netdb.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BUFFER_SIZE = 64 * 1024, MOST_MS = 3600 * 1000, US_PER_S = 1000000 };

struct options {
    const char *host, *port;
    long timeout_ms; /* for each address */
};

/* One direction.  What was read and not yet written is data[start] to data[end - 1]. */
struct flow {
    int from, to;
    bool input_ended;
    int error; /* why it stopped too early: an errno */
    size_t start, end;
    char data[BUFFER_SIZE];
};

static int usage(void)
{
    fprintf(stderr, "usage: select_client [--timeout MS] HOST PORT\n");
    return 2;
}

/* 1 to MOST_MS in decimal digits; -1 for anything else. */
static long parse_ms(const char *text)
{
    long ms = 0;

    for (const char *c = text; *c != '\0'; c++) {
        if (*c < '0' || *c > '9' || ms > MOST_MS)
            return -1;
        ms = ms * 10 + (*c - '0');
    }
    return ms >= 1 && ms <= MOST_MS ? ms : -1;
}

static bool parse_options(int argc, char **argv, struct options *options)
{
    static const struct option known[] = {
        {"timeout", required_argument, NULL, 't'},
        {0},
    };
    int c;

    while ((c = getopt_long(argc, argv, "", known, NULL)) != -1)
        if (c != 't' || (options->timeout_ms = parse_ms(optarg)) < 0)
            return false;
    if (argc - optind != 2 || net_parse_port(argv[optind + 1]) < 1)
        return false;
    options->host = argv[optind];
    options->port = argv[optind + 1];
    return true;
}

/* CLOCK_MONOTONIC, in microseconds. */
static int64_t now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * US_PER_S + now.tv_nsec / 1000;
}

/* Waits until fd can be written, or until end_us.  An interrupted wait goes on with what is left of
 * it.  -1 with errno, ETIMEDOUT if the time is over. */
static int wait_writable(int fd, int64_t end_us)
{
    for (;;) {
        int64_t left_us = end_us - now_us();
        struct timeval left = {left_us / US_PER_S, left_us % US_PER_S};
        fd_set writable;

        if (left_us < 0)
            break;
        FD_ZERO(&writable);
        FD_SET(fd, &writable);
        int count = select(fd + 1, NULL, &writable, NULL, &left);
        if (count > 0)
            return 0;
        if (count < 0 && errno != EINTR)
            return -1;
    }
    errno = ETIMEDOUT;
    return -1;
}

/* connect(2), EINPROGRESS: the socket can be written when the outcome is known, and SO_ERROR is
 * what connect would have returned. */
static int connect_within(int fd, const struct addrinfo *address, long timeout_ms)
{
    int64_t end_us = now_us() + (int64_t)timeout_ms * 1000;
    int error = 0;
    socklen_t size = sizeof error;

    if (connect(fd, address->ai_addr, address->ai_addrlen) == 0)
        return 0;
    if (errno != EINPROGRESS || wait_writable(fd, end_us) < 0 ||
        getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
        return -1;
    errno = error;
    return error == 0 ? 0 : -1;
}

/* A non-blocking socket that is connected; -1 with errno.  FD_SET of a number from FD_SETSIZE on
 * would write behind the set. */
static int connect_to(const struct addrinfo *address, long timeout_ms)
{
    int type = address->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC;
    int fd = socket(address->ai_family, type, address->ai_protocol);

    if (fd < 0)
        return -1;
    if (fd >= FD_SETSIZE)
        errno = EMFILE;
    else if (connect_within(fd, address, timeout_ms) == 0)
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

/* As net_connect, but no address has more than its time. */
static int connect_any(const struct options *options)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM}, *found;
    int fd = -1;

    if (getaddrinfo(options->host, options->port, &hints, &found) != 0) {
        errno = EHOSTUNREACH;
        return -1;
    }
    for (const struct addrinfo *a = found; a != NULL && fd < 0; a = a->ai_next)
        fd = connect_to(a, options->timeout_ms);
    int error = errno;
    freeaddrinfo(found);
    errno = error;
    return fd;
}

/* Writes what goes without waiting.  A pipe that can be written takes PIPE_BUF bytes at once:
 * pipe(7).  A socket can be told not to wait for just this call: send(2).  -1 with errno. */
static ssize_t write_some(int fd, const char *data, size_t len)
{
    ssize_t n = send(fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);

    if (n < 0 && errno == ENOTSOCK)
        n = write(fd, data, len < PIPE_BUF ? len : PIPE_BUF);
    return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : n;
}

static bool wants_to_read(const struct flow *flow)
{
    return !flow->input_ended && flow->start == flow->end;
}

static bool wants_to_write(const struct flow *flow)
{
    return flow->start < flow->end;
}

static void stop(struct flow *flow, int error)
{
    flow->error = error;
    flow->input_ended = true;
    flow->start = flow->end = 0;
}

static void fill(struct flow *flow)
{
    ssize_t n = net_read(flow->from, flow->data, sizeof flow->data);

    if (n < 0 && errno != EAGAIN)
        stop(flow, errno);
    else if (n == 0)
        flow->input_ended = true;
    flow->start = 0;
    flow->end = n > 0 ? (size_t)n : 0;
}

static void drain(struct flow *flow)
{
    ssize_t n = write_some(flow->to, flow->data + flow->start, flow->end - flow->start);

    if (n < 0)
        stop(flow, errno);
    else
        flow->start += (size_t)n;
}

static bool is_over(const struct flow *flow)
{
    return flow->input_ended && flow->start == flow->end;
}

static void ask(const struct flow *flow, fd_set *readable, fd_set *writable)
{
    if (wants_to_read(flow))
        FD_SET(flow->from, readable);
    if (wants_to_write(flow))
        FD_SET(flow->to, writable);
}

static void move(struct flow *flow, const fd_set *readable, const fd_set *writable)
{
    if (wants_to_write(flow) && FD_ISSET(flow->to, writable))
        drain(flow);
    else if (wants_to_read(flow) && FD_ISSET(flow->from, readable))
        fill(flow);
}

/* Copies until the server has nothing more to say, or output is broken.  select is not asked about
 * what nobody would act on: it would return at once, again and again.  -1 with errno. */
static int copy(struct flow *up, struct flow *down)
{
    bool told_end = false;

    while (!is_over(down)) {
        fd_set readable, writable;
        FD_ZERO(&readable);
        FD_ZERO(&writable);
        ask(up, &readable, &writable);
        ask(down, &readable, &writable);
        if (select(down->from + 1, &readable, &writable, NULL, NULL) < 0) {
            if (errno == EINTR)
                continue;
            return -1;
        }
        move(down, &readable, &writable);
        move(up, &readable, &writable);
        if (is_over(up) && !told_end) {
            shutdown(up->to, SHUT_WR); /* fails on a lost connection only, which down finds too */
            told_end = true;
        }
    }
    return 0;
}

static int fail(const char *what)
{
    perror(what);
    return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    static struct flow up = {.from = STDIN_FILENO}, down = {.to = STDOUT_FILENO};
    struct options options = {.timeout_ms = 5000};

    if (!parse_options(argc, argv, &options))
        return usage();
    signal(SIGPIPE, SIG_IGN); /* a write to a reader that left shall fail, not kill */

    up.to = down.from = connect_any(&options);
    if (up.to < 0)
        return fail("connect");
    if (copy(&up, &down) < 0)
        return fail("select");
    if ((errno = down.error) != 0)
        return fail("receive");
    errno = is_over(&up) ? up.error : EPIPE;
    return errno == 0 ? EXIT_SUCCESS : fail("not all input was sent");
}
