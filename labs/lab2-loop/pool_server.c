/* pool_server.c - answers each line "MILLISECONDS TEXT" with the line TEXT, so many milliseconds
 * later: a stand-in for a server whose work blocks, on a disk or on a name server.
 *
 * MILLISECONDS is 0 to 10000 in decimal digits, and TEXT is all between the space and the line end,
 * whatever its bytes.  A line has at most 1024 bytes, its end included; one that is longer or
 * malformed gets the reply "error", and the connection ends in peace (connection_finish).
 *
 * A client's requests are at work at the same time, as far as there are workers, and the replies
 * (that "error" too) go out in the order of the requests.  No client waits for what another one
 * asked for, but for a free worker.  From a client of which no more can be taken now, since the
 * pool is full or since it is owed much already, nothing is read until there is room; nothing is
 * lost, and the server holds no more than a bounded amount for it.  A half-closed client gets all
 * that it is owed.  What is done for a client that has left is dropped, and goes to nobody else.
 *
 * After SIGTERM the jobs that run may end, those that wait are dropped, and the status is 0. */
#include "connection.h"
#include "listener.h"
#include "net.h"
#include "pool.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* A line counts its end.  One client takes a part of the pool at most. */
enum { MOST_WORKERS = 64, MOST_JOBS = 256, MOST_OWED = 64, SLOTS = 1 << 16 };
enum { MOST_LINE = 1024, MOST_MS = 10000 };

struct options {
    const char *backend;
    int workers, port;
};

struct server {
    struct loop *loop;
    struct pool *pool;
    uint64_t generation;           /* the last one that was given out */
    struct client *clients[SLOTS]; /* NULL: nobody */
    struct client *first_waiting, **after_waiting;
};

struct client {
    struct server *server;
    struct connection *connection;
    int slot;
    uint64_t generation;
    struct request *first, **after; /* what it is owed; where the next one's address goes */
    int owed;
    bool held;  /* not read from now: connection_pause */
    bool waits; /* held until there is room */
    struct client *next_waiting;
    bool is_over; /* no more is taken from it; what it is owed is its last */
};

struct request {
    struct pool_job job;
    struct server *server;
    int slot;
    uint64_t generation;
    struct request *next; /* of the same client */
    int milliseconds;
    bool is_done;
    size_t size;
    uint8_t answer[];
};

/* For the signal handler. */
static struct loop *signalled_loop;
static volatile sig_atomic_t is_to_end;

static int usage(void)
{
    fprintf(stderr,
            "usage: pool_server [--backend select|epoll|poll|edge] [--workers N] --port N\n");
    return 2;
}

static bool parse_options(int argc, char **argv, struct options *options)
{
    static const struct option known[] = {
        {"backend", required_argument, NULL, 'b'},
        {"workers", required_argument, NULL, 'w'},
        {"port", required_argument, NULL, 'p'},
        {0},
    };
    int c;

    while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (c == 'b')
            options->backend = optarg;
        else if (c == 'w')
            options->workers = net_parse_port(optarg); /* a number is a number */
        else if (c != 'p' || (options->port = net_parse_port(optarg)) < 0)
            return false;
    }
    return options->workers >= 1 && options->workers <= MOST_WORKERS && options->port >= 0 &&
           optind == argc;
}

/* Stage 2.20: in a worker's thread: nanosleep(2). */
static void work(struct pool_job *job)
{
    (void)job;
    /* Your code here. */
}

/* Stage 2.20: the client that asked, if it is still there.  Its descriptor may be another one's by
 * now: the generation tells. */
static struct client *find_client(const struct request *request)
{
    (void)request;
    /* Your code here. */
    return NULL;
}

static void append(struct client *client, struct request *request)
{
    *client->after = request;
    client->after = &request->next;
    client->owed++;
}

static struct request *take_first(struct client *client)
{
    struct request *request = client->first;

    client->first = request->next;
    if (client->first == NULL)
        client->after = &client->first;
    client->owed--;
    return request;
}

static void wait_for_room(struct client *client)
{
    struct server *server = client->server;

    client->waits = true;
    client->next_waiting = NULL;
    *server->after_waiting = client;
    server->after_waiting = &client->next_waiting;
}

static void stop_waiting(struct client *client)
{
    struct server *server = client->server;
    struct client **link = &server->first_waiting;

    while (*link != client)
        link = &(*link)->next_waiting;
    *link = client->next_waiting;
    if (server->after_waiting == &client->next_waiting)
        server->after_waiting = link;
    client->waits = false;
}

/* Stage 2.20: whoever waits for room goes on, as far as there is any. */
static void release_waiting(struct server *server)
{
    (void)server;
    (void)stop_waiting;
    /* Your code here. */
}

/* Stage 2.20: sends what can be sent in its order.  What if that was the last that the client is
 * owed, or if there is room for a further request of its own? */
static void answer(struct client *client)
{
    (void)client;
    (void)take_first;
    (void)wait_for_room;
    /* Your code here. */
}

/* Stage 2.20: in the loop's thread.  Who asked, and is he still there? */
static void done(struct pool_job *job)
{
    (void)job;
    (void)find_client;
    (void)release_waiting;
    /* Your code here. */
}

/* Stage 2.20: the length of "MILLISECONDS " in front of a line, and what it says; 0: the line is
 * malformed.  Can the number overflow? */
static size_t parse_delay(const uint8_t *line, size_t size, int *milliseconds)
{
    (void)line;
    (void)size;
    *milliseconds = 0;
    /* Your code here. */
    return 0;
}

static struct request *new_request(const struct client *client, const void *bytes, size_t size)
{
    struct request *request = malloc(sizeof *request + size);

    if (request == NULL)
        return NULL;
    *request = (struct request){
        .job = {.work = work, .done = done},
        .server = client->server,
        .slot = client->slot,
        .generation = client->generation,
        .size = size,
    };
    memcpy(request->answer, bytes, size);
    return request;
}

/* Stage 2.20: takes a line, or refuses it.  False: the pool has no room now. */
static bool take_line(struct client *client, const uint8_t *line, size_t size)
{
    (void)client;
    (void)line;
    (void)size;
    (void)parse_delay;
    (void)new_request;
    (void)append;
    (void)answer;
    /* Your code here. */
    return true;
}

/* Stage 2.20: takes the lines that are there, as many as may be taken; returns how many bytes these
 * had.  A line may come in pieces: memchr(3). */
static size_t take_lines(void *context, const uint8_t *data, size_t len)
{
    (void)context;
    (void)data;
    (void)take_line;
    /* Your code here. */
    return len;
}

/* Stage 2.20: the client asks for no more. */
static void take_end(void *context)
{
    (void)context;
    /* Your code here. */
}

/* Stage 2.20: the connection is gone.  What belongs to its client, and what is still the pool's? */
static void forget(void *context, int error)
{
    (void)error;
    /* Your code here. */
    free(context);
}

/* A client that can't be served is closed, and the others go on. */
static void serve(void *context, int fd)
{
    static const struct connection_events events = {.on_data = take_lines,
                                                    .on_end = take_end,
                                                    .on_close = forget};
    struct server *server = context;
    struct client *client = calloc(1, sizeof *client);

    if (client == NULL || fd >= SLOTS)
        goto refused;
    *client = (struct client){server, NULL, fd, ++server->generation, .after = &client->first};
    client->connection = connection_new(server->loop, fd, &events, client);
    if (client->connection == NULL)
        goto refused;
    server->clients[fd] = client;
    return;
refused:
    free(client);
    close(fd);
}

/* Stage 2.20: the pool's results, or the end. */
static void on_wake(void *context)
{
    (void)context;
    /* Your code here. */
}

static void on_signal(int number)
{
    (void)number;
    is_to_end = 1;
    loop_wake(signalled_loop); /* loop.h allows it here.  NOLINT(bugprone-signal-handler) */
}

static int fail(const char *what)
{
    perror(what);
    return EXIT_FAILURE;
}

static int run(struct server *server, const struct options *options)
{
    int socket = net_listen((uint16_t)options->port);

    if (socket < 0 || listener_new(server->loop, socket, serve, server) == NULL)
        return fail("listen");
    loop_on_wake(server->loop, on_wake, server);
    server->pool = pool_new(server->loop, options->workers, MOST_JOBS);
    if (server->pool == NULL)
        return fail("pool");
    signalled_loop = server->loop;
    signal(SIGTERM, on_signal);
    printf("listening on 127.0.0.1:%d\n", net_port(socket));
    fflush(stdout);
    if (loop_run(server->loop) < 0)
        return fail("loop");
    pool_free(server->pool);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    struct options options = {.backend = "epoll", .workers = 4, .port = -1};
    static struct server server;

    if (!parse_options(argc, argv, &options))
        return usage();
    server.after_waiting = &server.first_waiting;
    server.loop = loop_new(options.backend);
    if (server.loop == NULL)
        return errno == EINVAL ? usage() : fail("loop");
    return run(&server, &options);
}
