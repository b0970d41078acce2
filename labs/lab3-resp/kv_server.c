/* kv_server.c - a key-value store for many clients at once, in one thread.
 *
 * What a client sends is parsed where it lies, and each command is done as soon as it is complete.
 * When are replies sent? */
#include "commands.h"
#include "connection.h"
#include "kv.h"
#include "listener.h"
#include "net.h"
#include "resp.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct options {
    const char *backend;
    int port;
};

struct server {
    struct loop *loop;
    struct kv *kv;
    struct replies replies; /* to the client that is being served: one at a time is */
};

/* A connection's context. */
struct client {
    struct server *server;
    struct connection *connection;
    struct resp_parser *parser;
};

static int usage(void)
{
    fprintf(stderr, "usage: kv_server [--backend select|epoll] --port N\n");
    return 2;
}

/* Stage 3.15: --resp2. */
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
    return options->port >= 0 && optind == argc;
}

static void send_replies(void *context, const void *data, size_t len)
{
    const struct client *client = context;

    connection_send(client->connection, data, len);
}

/* Stage 3.10: does what was asked for; *used is the size of it.  Stage 3.12: when does it return
 * although more is there?  False: this client is served no more. */
static bool serve_requests(struct client *client, const uint8_t *data, size_t len, size_t *used)
{
    (void)client;
    (void)data;
    (void)len;
    *used = 0;
    /* Your code here. */
    return false;
}

/* Stage 3.10: the replies go to this client, and none is left behind.  Stage 3.11: which replies
 * does a client get whose bytes make no sense, and how does its connection end? */
static size_t take_data(void *context, const uint8_t *data, size_t len)
{
    (void)context;
    (void)data;
    (void)send_replies;
    (void)serve_requests;
    /* Your code here. */
    return len;
}

static void free_client(struct client *client)
{
    resp_parser_free(client->parser);
    free(client);
}

static void forget(void *context, int error)
{
    (void)error;
    free_client(context);
}

static struct client *new_client(struct server *server)
{
    struct client *client = calloc(1, sizeof *client);

    if (client == NULL)
        return NULL;
    client->server = server;
    client->parser = resp_parser_new();
    if (client->parser != NULL)
        return client;
    free_client(client);
    return NULL;
}

/* Stage 3.10: a client with its connection.  When does the kernel hold back a small reply: tcp(7),
 * TCP_NODELAY?  And if the client can't be served? */
static void serve(void *context, int fd)
{
    static const struct connection_events events = {.on_data = take_data, .on_close = forget};
    struct server *server = context;

    (void)server;
    (void)events;
    (void)new_client;
    /* Your code here. */
    close(fd);
}

static int fail(const char *what)
{
    perror(what);
    return EXIT_FAILURE;
}

/* Stage 3.13: a store with a secret that nobody knows: getrandom(2). */
static struct kv *new_store(void)
{
    static const uint8_t secret[KV_SECRET_SIZE] = {0};

    /* Your code here. */
    return kv_new(secret);
}

int main(int argc, char **argv)
{
    static struct server server = {.replies = {.send = send_replies}};
    struct options options = {.backend = "epoll", .port = -1};

    if (!parse_options(argc, argv, &options))
        return usage();
    /* Stage 1.8, again.  Your code here. */

    server.loop = loop_new(options.backend);
    if (server.loop == NULL)
        return errno == EINVAL ? usage() : fail("loop");
    server.kv = new_store();
    if (server.kv == NULL)
        return fail("store");
    int socket = net_listen((uint16_t)options.port);
    if (socket < 0 || listener_new(server.loop, socket, serve, &server) == NULL)
        return fail("listen");
    printf("listening on 127.0.0.1:%d\n", net_port(socket));
    fflush(stdout);
    return loop_run(server.loop) < 0 ? fail("loop") : EXIT_SUCCESS;
}
