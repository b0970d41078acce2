/* select_client.c - copies standard input to a server and the server to standard output, both at
 * once, in one thread.
 *
 * select(2) says which of the three descriptors can be read or written now.  Standard input and
 * output are shared with the shell and with whoever else holds them: they are left as they were. */
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

/* Stage 2.22: waits until fd can be written, or until end_us: select(2).  What if a signal
 * interrupts it?  -1 with errno, ETIMEDOUT if the time is over. */
static int wait_writable(int fd, int64_t end_us)
{
    (void)fd;
    (void)end_us;
    (void)now_us;
    /* Your code here. */
    errno = ENOSYS;
    return -1;
}

/* Stage 2.22: a non-blocking socket that is connected; -1 with errno.  connect(2), EINPROGRESS; for
 * its outcome, socket(7), SO_ERROR.  An attempt that is given up is closed.  Which descriptors does
 * an fd_set have no place for?  (For stage 2.21 alone, a connect that waits will do.) */
static int connect_to(const struct addrinfo *address, long timeout_ms)
{
    (void)address;
    (void)timeout_ms;
    (void)wait_writable;
    /* Your code here. */
    errno = ENOSYS;
    return -1;
}

/* Stage 2.22: as net_connect, but no address has more than its time.  -1 with errno. */
static int connect_any(const struct options *options)
{
    (void)options;
    (void)connect_to;
    /* Your code here. */
    errno = ENOSYS;
    return -1;
}

/* Stage 2.21: writes what goes without waiting, after select said that fd can be written; 0 if
 * nothing does now.  How much is that for a pipe that blocks: pipe(7), PIPE_BUF?  How is a socket
 * told not to wait, just this once: send(2)?  (O_NONBLOCK belongs to the open file description,
 * which others share with standard output.)  -1 with errno. */
static ssize_t write_some(int fd, const char *data, size_t len)
{
    (void)fd;
    (void)data;
    (void)len;
    /* Your code here. */
    errno = ENOSYS;
    return -1;
}

/* Stage 2.21: after select said that there is something.  What does each return value mean? */
static void fill(struct flow *flow)
{
    (void)flow;
    /* Your code here. */
}

static void drain(struct flow *flow)
{
    (void)flow;
    (void)write_some;
    /* Your code here. */
}

static bool is_over(const struct flow *flow)
{
    return flow->input_ended && flow->start == flow->end;
}

/* Stage 2.21: copies both ways until the server has nothing more to say, or output is broken.  What
 * is put into the sets, and what is not?  When does the server hear of the end: shutdown(2)?
 * -1 with errno. */
static int copy(struct flow *up, struct flow *down)
{
    (void)up;
    (void)down;
    (void)fill;
    (void)drain;
    /* Your code here. */
    errno = ENOSYS;
    return -1;
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
    /* Stage 1.8, again.  Your code here. */

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
