/* rpc_server.c - the procedures of rpc.h, and who takes connections for them. */
#include "bytes.h"
#include "net.h"
#include "session.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { LONGEST_DELAY_MS = 60000 };

static void multiply(struct session *session, uint32_t request_id, const uint8_t *arguments)
{
    int64_t product = (int64_t)get_i32(arguments) * get_i32(arguments + 4);
    uint8_t results[8];

    put_u64(results, (uint64_t)product);
    session_answer(session, RPC_MULTIPLY, request_id, results, sizeof results);
}

static void divide(struct session *session, uint32_t request_id, const uint8_t *arguments)
{
    int32_t dividend = get_i32(arguments), divisor = get_i32(arguments + 4);
    uint8_t results[8];

    if (divisor == 0) {
        session_fail(session, RPC_QUO_REM, request_id, "divide by zero");
    } else if (dividend == INT32_MIN && divisor == -1) {
        session_fail(session, RPC_QUO_REM, request_id, "overflow");
    } else {
        put_u32(put_u32(results, (uint32_t)(dividend / divisor)), (uint32_t)(dividend % divisor));
        session_answer(session, RPC_QUO_REM, request_id, results, sizeof results);
    }
}

static void delay(struct session *session, uint32_t request_id, const uint8_t *arguments)
{
    uint32_t delay_ms = get_u32(arguments);

    if (delay_ms > LONGEST_DELAY_MS)
        session_fail(session, RPC_DELAY, request_id, "too long");
    else
        session_answer_later(session, RPC_DELAY, request_id, delay_ms);
}

static const struct procedure procedures[] = {
    {RPC_MULTIPLY, 8, multiply},
    {RPC_QUO_REM, 8, divide},
    {RPC_DELAY, 4, delay},
    {0},
};

static int usage(void)
{
    fprintf(stderr, "usage: rpc_server --port N\n");
    return 2;
}

static int parse_port(int argc, char **argv)
{
    static const struct option known[] = {{"port", required_argument, NULL, 'p'}, {0}};
    int c, port = -1;

    while ((c = getopt_long(argc, argv, "", known, NULL)) != -1)
        if (c != 'p' || (port = net_parse_port(optarg)) < 0)
            return -1;
    return optind == argc ? port : -1;
}

static int fail(const char *what)
{
    perror(what);
    return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    const struct timespec pause = {.tv_nsec = 100 * 1000 * 1000};
    int port = parse_port(argc, argv);

    if (port < 0)
        return usage();
    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
        return fail("signal");
    int listener = net_listen((uint16_t)port);
    if (listener < 0)
        return fail("listen");
    printf("listening on 127.0.0.1:%d\n", net_port(listener));
    fflush(stdout);
    for (;;) {
        int fd = net_accept(listener);
        if (fd >= 0)
            session_serve(fd, procedures);
        else
            nanosleep(&pause, NULL); /* no descriptors: to try at once would spin */
    }
}
