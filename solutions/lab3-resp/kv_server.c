/* kv_server.c - a key-value store for many clients at once, in one thread.
 *
 * What a client sends is parsed where it lies, and each command is done as soon as it is complete.
 * The replies to all that came at once leave at once. */
#include "commands.h"
#include "connection.h"
#include "kv.h"
#include "listener.h"
#include "net.h"
#include "redis.h"
#include "resp2.h"

#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

struct options {
    const char *backend;
    int port;
    bool is_resp2;
};

struct server {
    struct loop *loop;
    struct kv *kv;
    struct replies replies; /* to the client that is being served: one at a time is */
    bool is_resp2;
};

/* A connection's context.  One of the two parsers is NULL. */
struct client {
    struct server *server;
    struct connection *connection;
    struct resp_parser *parser;
    struct resp2_parser *parser2;
    struct redis_client redis;
};

static int usage(void)
{
    fprintf(stderr, "usage: kv_server [--resp2] [--backend select|epoll|poll|edge] --port N\n");
    return 2;
}

static bool parse_options(int argc, char **argv, struct options *options)
{
    static const struct option known[] = {
        {"backend", required_argument, NULL, 'b'},
        {"port", required_argument, NULL, 'p'},
        {"resp2", no_argument, NULL, 'r'},
        {0},
    };
    int c;

    while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (c == 'b')
            options->backend = optarg;
        else if (c == 'r')
            options->is_resp2 = true;
        else if (c != 'p' || (options->port = net_parse_port(optarg)) < 0)
            return false;
    }
    return options->port >= 0 && optind == argc;
}

static enum resp_result parse(const struct client *client, const uint8_t *data, size_t len,
                              struct resp_request *request)
{
    return client->server->is_resp2 ? resp2_parse(client->parser2, data, len, request)
                                    : resp_parse(client->parser, data, len, request);
}

static void execute(struct client *client, const struct resp_request *request)
{
    struct server *server = client->server;

    if (server->is_resp2)
        redis_execute(server->kv, &client->redis, request, &server->replies);
    else
        command_execute(server->kv, request, &server->replies);
}

static void send_replies(void *context, const void *data, size_t len)
{
    const struct client *client = context;

    connection_send(client->connection, data, len);
}

/* What follows such bytes can't be told apart. */
static void refuse(struct server *server)
{
    const char *error = server->is_resp2 ? "-ERR Protocol error\r\n" : "-ERROR\r\n";

    replies_put_text(&server->replies, error);
}

/* Does what was asked for, as long as the client takes its replies.  *used is the size of it.
 * False: this client is served no more. */
static bool serve_requests(struct client *client, const uint8_t *data, size_t len, size_t *used)
{
    struct resp_request request;

    while (!connection_is_full(client->connection) && !client->redis.has_quit) {
        enum resp_result result = parse(client, data + *used, len - *used, &request);
        if (result == RESP_MORE)
            return true;
        if (result != RESP_DONE) {
            refuse(client->server);
            return false;
        }
        *used += request.size;
        execute(client, &request);
    }
    return !client->redis.has_quit;
}

static size_t take_data(void *context, const uint8_t *data, size_t len)
{
    struct client *client = context;
    struct connection *connection = client->connection;
    struct replies *replies = &client->server->replies;
    size_t used = 0;

    replies->context = client;
    bool goes_on = serve_requests(client, data, len, &used);
    replies_flush(replies);
    if (goes_on)
        return used;
    connection_finish(connection);
    return len;
}

static void free_client(struct client *client)
{
    resp_parser_free(client->parser);
    resp2_parser_free(client->parser2);
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
    if (server->is_resp2)
        client->parser2 = resp2_parser_new();
    else
        client->parser = resp_parser_new();
    if (client->parser != NULL || client->parser2 != NULL)
        return client;
    free_client(client);
    return NULL;
}

/* A reply is sent when it is there, whether or not the client has acknowledged the one before:
 * tcp(7), TCP_NODELAY.  A client that can't be served is closed, and the others go on. */
static void serve(void *context, int fd)
{
    static const struct connection_events events = {.on_data = take_data, .on_close = forget};
    struct server *server = context;
    struct client *client = new_client(server);
    int on = 1;

    if (client == NULL)
        goto refused;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    client->connection = connection_new(server->loop, fd, &events, client);
    if (client->connection != NULL)
        return;
    free_client(client);
refused:
    close(fd);
}

static int fail(const char *what)
{
    perror(what);
    return EXIT_FAILURE;
}

static struct kv *new_store(void)
{
    uint8_t secret[KV_SECRET_SIZE];

    if (getrandom(secret, sizeof secret, 0) != (ssize_t)sizeof secret)
        return NULL;
    return kv_new(secret);
}

int main(int argc, char **argv)
{
    static struct server server = {.replies = {.send = send_replies}};
    struct options options = {.backend = "epoll", .port = -1};

    if (!parse_options(argc, argv, &options))
        return usage();
    signal(SIGPIPE, SIG_IGN);
    server.is_resp2 = options.is_resp2;
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
