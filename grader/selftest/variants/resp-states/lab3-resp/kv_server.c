/* kv_server.c - a key-value store for many clients at once, in one thread: lab 2's loop around
 * the parser of resp.h, or of resp2.h. */
#include "commands.h"
#include "listener.h"
#include "net.h"
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
    int port, resp2;
};

struct server {
    struct loop *loop;
    struct kv *kv;
    const struct dialect *dialect;
    struct outbox out;
};

/* One of the two parsers is NULL. */
struct client {
    struct server *server;
    struct connection *connection;
    struct resp_parser *parser;
    struct resp2_parser *parser2;
};

static int usage(void)
{
    fprintf(stderr, "usage: kv_server [--backend select|epoll] [--resp2] --port N\n");
    return 2;
}

static bool parse_options(int argc, char **argv, struct options *options)
{
    const struct option known[] = {
        {"backend", required_argument, NULL, 'b'},
        {"port", required_argument, NULL, 'p'},
        {"resp2", no_argument, &options->resp2, 1},
        {0},
    };
    int c;

    while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (c == '?')
            return false;
        if (c == 'b')
            options->backend = optarg;
        if (c == 'p' && (options->port = net_parse_port(optarg)) < 0)
            return false;
    }
    return options->port >= 0 && optind == argc;
}

static enum resp_result parse(struct client *client, const uint8_t *window, size_t len,
                              struct resp_request *request)
{
    return client->parser2 != NULL ? resp2_parse(client->parser2, window, len, request)
                                   : resp_parse(client->parser, window, len, request);
}

/* Serves what is complete while there is room for replies.  False: that was the last. */
static bool serve_window(struct client *client, const uint8_t *data, size_t len, size_t *used)
{
    struct server *server = client->server;
    struct resp_request request;

    while (!connection_is_full(client->connection)) {
        enum resp_result result = parse(client, data + *used, len - *used, &request);
        if (result == RESP_MORE)
            return true;
        if (result != RESP_DONE) {
            outbox_text(&server->out, dialect_framing_error(server->dialect));
            return false;
        }
        *used += request.size;
        if (!command_execute(server->dialect, server->kv, &request, &server->out))
            return false;
    }
    return true;
}

static size_t take_data(void *context, const uint8_t *data, size_t len)
{
    struct client *client = context;
    struct connection *connection = client->connection;
    struct outbox *out = &client->server->out;
    size_t used = 0;

    out->to = connection;
    bool goes_on = serve_window(client, data, len, &used);
    outbox_flush(out);
    if (goes_on)
        return used;
    connection_finish(connection);
    return len;
}

static void free_client(void *context, int error)
{
    struct client *client = context;

    (void)error;
    resp_parser_free(client->parser);
    resp2_parser_free(client->parser2);
    free(client);
}

static struct client *new_client(struct server *server)
{
    struct client *client = calloc(1, sizeof *client);

    if (client == NULL)
        return NULL;
    client->server = server;
    if (server->dialect == &redis_dialect)
        client->parser2 = resp2_parser_new();
    else
        client->parser = resp_parser_new();
    if (client->parser2 != NULL || client->parser != NULL)
        return client;
    free(client);
    return NULL;
}

static void welcome(void *context, int fd)
{
    static const struct connection_events events = {.on_data = take_data, .on_close = free_client};
    struct server *server = context;
    struct client *client = new_client(server);

    if (client == NULL) {
        close(fd);
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    client->connection = connection_new(server->loop, fd, &events, client);
    if (client->connection == NULL) {
        free_client(client, errno);
        close(fd);
    }
}

static int fail(const char *what)
{
    fprintf(stderr, "kv_server: ");
    perror(what);
    return EXIT_FAILURE;
}

static struct kv *new_store(void)
{
    uint8_t secret[KV_SECRET_SIZE];

    /* So few bytes come all at once: getrandom(2). */
    if (getrandom(secret, sizeof secret, 0) != (ssize_t)sizeof secret)
        return NULL;
    return kv_new(secret);
}

int main(int argc, char **argv)
{
    static struct server server;
    struct options options = {.backend = "epoll", .port = -1};

    if (!parse_options(argc, argv, &options))
        return usage();
    signal(SIGPIPE, SIG_IGN);
    server.dialect = options.resp2 ? &redis_dialect : &simple_dialect;
    server.loop = loop_new(options.backend);
    if (server.loop == NULL)
        return errno == EINVAL ? usage() : fail("loop");
    server.kv = new_store();
    if (server.kv == NULL)
        return fail("store");
    int socket = net_listen((uint16_t)options.port);
    if (socket < 0 || listener_new(server.loop, socket, welcome, &server) == NULL)
        return fail("listen");
    printf("listening on 127.0.0.1:%d\n", net_port(socket));
    fflush(stdout);
    return loop_run(server.loop) < 0 ? fail("loop") : EXIT_SUCCESS;
}
