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

static void multiply(struct rpc_request *request, const uint8_t *arguments, void *context)
{
    uint64_t product = (uint64_t)((int64_t)get_i32(arguments) * get_i32(arguments + 4));
    uint8_t results[8];

    (void)context;
    put_u32(put_u32(results, (uint32_t)product), (uint32_t)(product >> 32));
    rpc_answer(request, results, sizeof results);
}

static void divide(struct rpc_request *request, const uint8_t *arguments, void *context)
{
    int32_t a = get_i32(arguments), b = get_i32(arguments + 4);
    uint8_t results[8];

    (void)context;
    if (b == 0) {
        rpc_fail(request, "divide by zero");
    } else if (a == INT32_MIN && b == -1) {
        rpc_fail(request, "overflow");
    } else {
        put_u32(put_u32(results, (uint32_t)(a / b)), (uint32_t)(a % b));
        rpc_answer(request, results, sizeof results);
    }
}

struct delayed {
    struct rpc_request *request;
    struct loop_timer timer;
};

static void answer_delayed(void *context)
{
    struct delayed *delayed = context;

    rpc_answer(delayed->request, NULL, 0);
    free(delayed);
}

/* Answers when a timer of the loop is due, and holds up nobody until then. */
static void delay(struct rpc_request *request, const uint8_t *arguments, void *context)
{
    struct server *server = context;
    uint32_t delay_ms = get_u32(arguments);

    if (delay_ms > LONGEST_DELAY_MS) {
        rpc_fail(request, "too long");
        return;
    }
    struct delayed *delayed = calloc(1, sizeof *delayed);
    if (delayed != NULL) {
        delayed->request = request;
        delayed->timer.on_time = answer_delayed;
        delayed->timer.context = delayed;
        if (loop_set_timer(server->loop, &delayed->timer, delay_ms) == 0)
            return;
    }
    free(delayed);
    rpc_fail(request, "out of memory");
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
