/* udp_echo_client.c - sends each line of standard input as a datagram, and prints its echo.
 *
 * UDP may lose, repeat and reorder datagrams.  A line that had no reply in time is sent again.  If
 * the first reply was only late, there will be two, and the second one comes while the next line
 * waits for its own. */
#include "net.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

/* The most that fits into a datagram: 65,535 bytes of IPv4 less its header of 20 and UDP's of 8. */
enum { DATAGRAM_SIZE = 65507 };

struct options {
    int timeout_ms;
    int tries;
    const char *host;
    const char *port;
};

struct line {
    size_t len;
    char data[DATAGRAM_SIZE];
};

static int usage(void)
{
    fprintf(stderr, "usage: udp_echo_client [--timeout MS] [--tries N] HOST PORT\n");
    return 2;
}

/* The number that text names in decimal, 1 to INT_MAX; -1 for anything else. */
static int parse_count(const char *text)
{
    char *end;
    long count = strtol(text, &end, 10);

    if (*text < '0' || *text > '9' || *end != '\0' || count < 1 || count > INT_MAX)
        return -1;
    return (int)count;
}

static bool parse_options(int argc, char **argv, struct options *options)
{
    static const struct option known[] = {
        {"timeout", required_argument, NULL, 't'},
        {"tries", required_argument, NULL, 'n'},
        {0},
    };
    int c;

    while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (c == 't' && (options->timeout_ms = parse_count(optarg)) > 0)
            continue;
        if (c == 'n' && (options->tries = parse_count(optarg)) > 0)
            continue;
        return false;
    }
    if (argc - optind != 2 || net_parse_port(argv[optind + 1]) < 1)
        return false;
    options->host = argv[optind];
    options->port = argv[optind + 1];
    return true;
}

/* Reads a line without its newline, which the last one may lack.  Returns 1, 0 at the end of input,
 * or -1 with errno set. */
static int read_line(struct line *line)
{
    int c;

    line->len = 0;
    while ((c = getchar()) != EOF && c != '\n') {
        if (line->len == sizeof line->data) {
            errno = EMSGSIZE;
            return -1;
        }
        line->data[line->len++] = (char)c;
    }
    if (ferror(stdin))
        return -1;
    return c == '\n' || line->len > 0;
}

static bool print_line(const struct line *line)
{
    return fwrite(line->data, 1, line->len, stdout) == line->len && putchar('\n') != EOF &&
           fflush(stdout) == 0;
}

/* Stage 1.18: clock_gettime(2).  Which clock?  The time of day may be set back meanwhile. */
static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Stage 1.18: takes what has come, without waiting: true if it is the reply to line.  What else can
 * it be?  recv(2) and its flags; udp(7), "Error handling". */
static bool take_reply(int server, const struct line *line)
{
    static char reply[DATAGRAM_SIZE];
    ssize_t n = recv(server, reply, sizeof reply, MSG_DONTWAIT);

    /* n < 0: nothing there, or an ICMP report about what we sent, which counts as a loss */
    return n == (ssize_t)line->len && memcmp(reply, line->data, line->len) == 0;
}

/* Stage 1.18: true once the reply is there, false once timeout_ms are over: poll(2).  How long does
 * it wait on, when something else came first? */
static bool await_reply(int server, const struct line *line, int timeout_ms)
{
    int64_t end = now_ms() + timeout_ms;
    struct pollfd wanted = {.fd = server, .events = POLLIN};

    for (int64_t left = timeout_ms; left > 0; left = end - now_ms()) {
        int ready = poll(&wanted, 1, (int)left);
        if (ready > 0 && take_reply(server, line))
            return true;
        if (ready < 0 && errno != EINTR)
            return false;
    }
    return false;
}

/* Stage 1.18: send(2).  What if it fails? */
static void send_line(int server, const struct line *line)
{
    /* An error is as good as a datagram that got lost: ECONNREFUSED may be about an earlier one,
     * and then this one was not sent at all, so once more. */
    if (send(server, line->data, line->len, 0) < 0)
        send(server, line->data, line->len, 0);
}

/* Stage 1.18: true if line was answered within options->tries tries. */
static bool ask(int server, const struct line *line, const struct options *options)
{
    for (int i = 0; i < options->tries; i++) {
        send_line(server, line);
        if (await_reply(server, line, options->timeout_ms))
            return true;
    }
    return false;
}

static int fail(const char *what)
{
    perror(what);
    return EXIT_FAILURE;
}

static int ask_all(int server, const struct options *options)
{
    static struct line line;
    int got;

    for (unsigned long number = 1; (got = read_line(&line)) > 0; number++) {
        if (!ask(server, &line, options)) {
            fprintf(stderr, "no reply to line %lu\n", number);
            return EXIT_FAILURE;
        }
        if (!print_line(&line)) /* which its reply is equal to */
            return fail("standard output");
    }
    return got == 0 ? EXIT_SUCCESS : fail("standard input");
}

int main(int argc, char **argv)
{
    struct options options = {.timeout_ms = 1000, .tries = 3};

    if (!parse_options(argc, argv, &options))
        return usage();

    int server = net_connect(options.host, options.port, SOCK_DGRAM);
    if (server < 0)
        return fail("connect");
    return ask_all(server, &options);
}
