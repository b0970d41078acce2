/* http_server.c - GET and HEAD of the files of a folder, over HTTP/1.1 (RFC 9112, RFC 9110).
 *
 *     200  the file; for a path that ends with '/', the file index.html there
 *     400  a malformed request (RFC 9112), also one whose length can't be known: then it closes
 *     404  no such file, a folder, anything but a regular file, and whatever lies outside the root
 *     405  another method than GET and HEAD, with Allow
 *     431  a head of more than HTTP_HEAD_BOUND bytes: then it closes
 *     500  the file is there, and can't be opened or read
 *
 * A body that comes with a request is dropped, or the connection ends after the reply; it is
 * never taken for a request.  Replies have Date, Content-Type and Content-Length (or chunks);
 * HEAD gets the same fields, and no body.  They go out in the order of the requests.  The
 * connection stays until one side says "close"; a client of HTTP/1.0 has to ask for that (RFC
 * 9112, section 9.3).  A half-closed client gets all that it asked for.
 *
 * A client costs the same however large its file is: no more than a chunk of it is in memory.  A
 * client that neither ends a request nor takes a chunk for PATIENCE_MS is closed. */
#include "connection.h"
#include "http.h"
#include "listener.h"
#include "net.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* A client that neither ends a request nor takes a chunk for PATIENCE_MS is closed. */
enum { CHUNK_SIZE = 64 * 1024, PATIENCE_MS = 60 * 1000 };

struct options {
    const char *backend, *root;
    int port;
};

struct server {
    struct loop *loop;
    int root; /* the folder */
};

struct client {
    struct server *server;
    struct connection *connection;
    struct loop_timer patience;
    size_t searched; /* of what came and is not answered: http_head_size */
    int file;        /* of which unsent bytes are still to be sent, or -1 */
    off_t unsent;
    bool is_last; /* the reply on its way is the last */
    /* Your fields here. */
};

/* What a reply's head says. */
struct reply {
    int status;
    off_t size;
    const char *type;
    bool keep_alive;
};

static int usage(void)
{
    fprintf(stderr, "usage: http_server [--backend select|epoll|poll|edge] --root DIR --port N\n");
    return 2;
}

/* Stage 2.24: opens a file below root, path without its first '/'.  Nothing that a client sends,
 * and nothing that lies in the folder, leads out of it: "..", a link, a path that begins with
 * '/'; and no FIFO keeps the server waiting: openat(2), O_NOFOLLOW, O_NONBLOCK,
 * path_resolution(7).  -1 with errno. */
static int open_beneath(int root, const char *path)
{
    (void)root;
    (void)path;
    /* Your code here. */
    errno = ENOSYS;
    return -1;
}

/* Stage 2.23: opens the file that path means into client, and completes the reply.  0, or the
 * status of an error: which failures of open(2) mean 404? */
static int open_file(struct client *client, char path[HTTP_HEAD_BOUND], struct reply *reply)
{
    (void)client;
    (void)reply;
    (void)open_beneath;
    path[0] = '\0';
    /* Your code here. */
    return 500;
}

/* Stage 2.23: strftime(3) for Date: RFC 9110, section 5.6.7. */
static void send_head(struct client *client, const struct reply *reply)
{
    (void)client;
    (void)reply;
    /* Your code here. */
}

/* Stage 2.23: sends the next chunk.  Stage 2.24: what if the file has become shorter? */
static void send_chunk(struct client *client)
{
    (void)client;
    /* Your code here. */
}

/* Stage 2.23: answers the request with this head.  Stage 2.24: which reply is the last? */
static void answer(struct client *client, struct http_text head)
{
    (void)client;
    (void)head;
    (void)open_file;
    (void)send_head;
    (void)send_chunk;
    /* Your code here. */
}

/* Stage 2.23: answers all requests that are there, one after the other.  While a file is on its
 * way, the client is not read from: connection_pause. */
static size_t take_input(void *context, const uint8_t *data, size_t len)
{
    struct client *client = context;

    (void)data;
    (void)answer;
    /* Your code here. */
    connection_close(client->connection);
    return len;
}

/* Stage 2.23: the kernel has taken all; what is next? */
static void take_drained(void *context)
{
    (void)context;
    /* Your code here. */
}

/* Stage 2.24: what does a client leave behind? */
static void forget(void *context, int error)
{
    (void)error;
    /* Your code here. */
    free(context);
}

static void give_up(void *context)
{
    connection_close(((struct client *)context)->connection);
}

/* Given.  Stage 2.23: when is PATIENCE_MS counted anew?  And why TCP_NODELAY: tcp(7)? */
static void serve(void *context, int fd)
{
    static const struct connection_events events = {take_input, NULL, take_drained, forget};
    struct client *client = malloc(sizeof *client);

    if (client != NULL) {
        *client =
            (struct client){.server = context, .file = -1, .patience = {give_up, client, 0, 0}};
        client->connection = connection_new(client->server->loop, fd, &events, client);
    }
    if (client != NULL && client->connection != NULL) {
        /* Your code here. */
        return;
    }
    free(client);
    close(fd);
}

static bool parse_options(int argc, char **argv, struct options *options)
{
    static const struct option known[] = {
        {"backend", required_argument, NULL, 'b'},
        {"root", required_argument, NULL, 'r'},
        {"port", required_argument, NULL, 'p'},
        {0},
    };
    int c;

    while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (c == 'b')
            options->backend = optarg;
        else if (c == 'r')
            options->root = optarg;
        else if (c != 'p' || (options->port = net_parse_port(optarg)) < 0)
            return false;
    }
    return options->root != NULL && options->port >= 0 && optind == argc;
}

static int fail(const char *what)
{
    perror(what);
    return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    struct options options = {.backend = "epoll", .port = -1};
    struct server server;

    if (!parse_options(argc, argv, &options))
        return usage();
    server.loop = loop_new(options.backend);
    if (server.loop == NULL)
        return errno == EINVAL ? usage() : fail("loop");
    server.root = open(options.root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (server.root < 0)
        return fail(options.root);
    int socket = net_listen((uint16_t)options.port);
    if (socket < 0 || listener_new(server.loop, socket, serve, &server) == NULL)
        return fail("listen");
    printf("listening on 127.0.0.1:%d\n", net_port(socket));
    fflush(stdout);
    return loop_run(server.loop) < 0 ? fail("loop") : EXIT_SUCCESS;
}
