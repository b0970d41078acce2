/* rpc_server.c - serves the procedures of rpc.h.  Delay shows what request ids are for: it answers
 * later, and the calls behind it do not wait. */
#include "bytes.h"
#include "listener.h"
#include "net.h"
#include "rpc_serve.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { LONGEST_DELAY_MS = 60000 };

struct server {
    struct loop *loop;
    struct rpc_service service;
};

/* Gcc and clang take the bits as they are: two's complement. */
static int32_t get_i32(const uint8_t *in)
{
    return (int32_t)get_u32(in);
}

/* The product of any two i32 fits into 64 bits: but which type does the C product have? */
static void multiply(struct rpc_request *request, const uint8_t *arguments, void *context)
{
    (void)arguments;
    (void)context;
    (void)get_i32;
    /* Your code here. */
    rpc_fail(request, "no such procedure yet");
}

/* Which two pairs of numbers have no quotient in 32 bits? */
static void divide(struct rpc_request *request, const uint8_t *arguments, void *context)
{
    (void)arguments;
    (void)context;
    /* Your code here. */
    rpc_fail(request, "no such procedure yet");
}

/* Answers when a timer of the loop is due, and holds up nobody until then. */
static void delay(struct rpc_request *request, const uint8_t *arguments, void *context)
{
    struct server *server = context;

    (void)server;
    (void)arguments;
    /* Your code here. */
    rpc_fail(request, "no such procedure yet");
}

static const struct rpc_procedure procedures[] = {
    {RPC_MULTIPLY, 8, multiply},
    {RPC_QUO_REM, 8, divide},
    {RPC_DELAY, 4, delay},
};

static int usage(void)
{
    fprintf(stderr, "usage: rpc_server --port N\n");
    return 2;
}

static bool parse_options(int argc, char **argv, int *port)
{
    static const struct option known[] = {
        {"port", required_argument, NULL, 'p'},
        {0},
    };
    int c;

    *port = -1;
    while ((c = getopt_long(argc, argv, "", known, NULL)) != -1)
        if (c != 'p' || (*port = net_parse_port(optarg)) < 0)
            return false;
    return *port >= 0 && optind == argc;
}

static void serve(void *context, int fd)
{
    struct server *server = context;

    if (rpc_serve(server->loop, fd, &server->service) < 0)
        close(fd);
}

static int fail(const char *what)
{
    perror(what);
    return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    struct server server = {.loop = NULL};
    int port;

    if (!parse_options(argc, argv, &port))
        return usage();
    server.service =
        (struct rpc_service){procedures, sizeof procedures / sizeof procedures[0], &server};
    server.loop = loop_new("epoll");
    if (server.loop == NULL)
        return fail("loop");
    int socket = net_listen((uint16_t)port);
    if (socket < 0 || listener_new(server.loop, socket, serve, &server) == NULL)
        return fail("listen");
    printf("listening on 127.0.0.1:%d\n", net_port(socket));
    fflush(stdout);
    return loop_run(server.loop) < 0 ? fail("loop") : EXIT_SUCCESS;
}
