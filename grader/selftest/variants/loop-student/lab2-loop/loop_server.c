/* loop_server.c - sends back every byte that it receives (RFC 862), to many clients at once, in one
 * thread. */
#include "connection.h"
#include "listener.h"
#include "net.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct options {
    const char *backend;
    int port;
};

/* A connection's context: which connection it is. */
struct client {
    struct connection *connection;
};

static int usage(void)
{
    fprintf(stderr, "usage: loop_server --backend select|epoll|poll|edge --port N\n");
    return 2;
}

static bool parse_options(int argc, char **argv, struct options *options)
{
    static const struct option known[] = {
        {"backend", required_argument, NULL, 'b'},
        {"port", required_argument, NULL, 'p'},
        {0},
    };
    int c;

    while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (c == 'b')
            options->backend = optarg;
        else if (c != 'p' || (options->port = net_parse_port(optarg)) < 0)
            return false;
    }
    return options->backend != NULL && options->port >= 0 && optind == argc;
}

static size_t echo(void *context, const uint8_t *data, size_t len)
{
    struct client *client = context;

    connection_send(client->connection, data, len);
    return len;
}

static void forget(void *context, int error)
{
    (void)error;
    free(context);
}

/* A client for which there is no room (ERANGE, ENOMEM) is closed at once. */
static void serve(void *context, int fd)
{
    static const struct connection_events events = {.on_data = echo, .on_close = forget};
    struct loop *loop = context;
    struct client *client = malloc(sizeof *client);

    if (client != NULL) {
        client->connection = connection_new(loop, fd, &events, client);
        if (client->connection != NULL)
            return;
    }
    free(client);
    close(fd);
}

static int fail(const char *what)
{
    perror(what);
    return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    struct options options = {.port = -1};

    if (!parse_options(argc, argv, &options))
        return usage();
    struct loop *loop = loop_new(options.backend);
    if (loop == NULL)
        return errno == EINVAL ? usage() : fail("loop");
    int socket = net_listen((uint16_t)options.port);
    if (socket < 0)
        return fail("listen");
    if (listener_new(loop, socket, serve, loop) == NULL)
        return fail("listen");
    printf("listening on 127.0.0.1:%d\n", net_port(socket));
    fflush(stdout);
    return loop_run(loop) < 0 ? fail("loop") : EXIT_SUCCESS;
}
