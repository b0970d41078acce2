/* pool_server.c - answers each line "MILLISECONDS TEXT" with the line TEXT, so many milliseconds
 * later: a stand-in for a server whose work blocks, on a disk or on a name server.
 *
 * Workers of a pool do that work.  They know of no connection: a request says by its slot and its
 * generation whose it is.  The slot is the connection's descriptor, which the kernel gives to the
 * next client as soon as it is free; the generation is never used twice.  So the answer to a client
 * that left meanwhile finds nobody, even if another one sits in its slot.
 *
 * A client's requests are kept in the order in which they came, and answered from the front; what
 * is done sooner waits there.  A client from which no more can be taken now is held: it is not read
 * from, and what it sent is shown again when there is room. */
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
    bool held;  /* not read from now */
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

/* In a worker's thread. */
static void work(struct pool_job *job)
{
    const struct request *request = (struct request *)job;
    struct timespec left = {request->milliseconds / 1000, request->milliseconds % 1000 * 1000000L};

    while (nanosleep(&left, &left) < 0 && errno == EINTR)
        continue;
}

/* The client that asked, if it is still there. */
static struct client *find_client(const struct request *request)
{
    struct client *client = request->server->clients[request->slot];

    return client != NULL && client->generation == request->generation ? client : NULL;
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

/* All are shown what they asked for again, those that wait longest first.  Whoever finds no room
 * waits again; then the pool is full, and so there will be a next time. */
static void release_waiting(struct server *server)
{
    while (server->first_waiting != NULL) {
        struct client *client = server->first_waiting;
        stop_waiting(client);
        client->held = false;
        connection_resume(client->connection);
    }
}

/* Sends what can be sent in its order.  The client may be gone when this returns. */
static void answer(struct client *client)
{
    while (client->first != NULL && client->first->is_done) {
        struct request *request = take_first(client);
        connection_send(client->connection, request->answer, request->size);
        free(request);
    }
    if (client->is_over && client->owed == 0)
        connection_finish(client->connection);
    else if (client->held && !client->waits && client->owed < MOST_OWED)
        wait_for_room(client);
}

/* In the loop's thread.  A request that was dropped, since the server ends, stays where it is: what
 * was asked behind it is not answered either. */
static void done(struct pool_job *job)
{
    struct request *request = (struct request *)job;
    struct client *client = find_client(request);

    request->is_done = !job->dropped;
    if (client == NULL)
        free(request);
    else
        answer(client);
}

/* The length of "MILLISECONDS " in front of a line, and what it says; 0: the line is malformed. */
static size_t parse_delay(const uint8_t *line, size_t size, int *milliseconds)
{
    size_t i = 0;

    for (*milliseconds = 0; i < size && line[i] >= '0' && line[i] <= '9'; i++) {
        *milliseconds = *milliseconds * 10 + (line[i] - '0');
        if (*milliseconds > MOST_MS)
            return 0;
    }
    return i > 0 && i < size && line[i] == ' ' && line[size - 1] == '\n' ? i + 1 : 0;
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

/* "error" has its turn, after all that the client is owed.  False: the pool has no room now. */
static bool take_line(struct client *client, const uint8_t *line, size_t size)
{
    int milliseconds;
    size_t before = parse_delay(line, size, &milliseconds);
    struct request *request = before > 0 ? new_request(client, line + before, size - before)
                                         : new_request(client, "error\n", strlen("error\n"));

    if (request == NULL) { /* no memory: it gets what it is owed, and no more */
        client->is_over = true;
        return true;
    }
    request->milliseconds = milliseconds;
    if (before > 0 && pool_submit(client->server->pool, &request->job) < 0) {
        free(request);
        return false;
    }
    append(client, request);
    if (before == 0)
        request->is_done = client->is_over = true;
    return true;
}

/* The length of the first line, 0 if it is not all there yet.  One that is too long is cut, and so
 * has no end. */
static size_t line_size(const uint8_t *data, size_t len)
{
    const uint8_t *end = memchr(data, '\n', len < MOST_LINE ? len : MOST_LINE);

    return end != NULL ? (size_t)(end - data) + 1 : len < MOST_LINE ? 0 : MOST_LINE;
}

/* Takes the lines that are there, as many as may be taken.  After the last one nothing counts. */
static size_t take_lines(void *context, const uint8_t *data, size_t len)
{
    struct client *client = context;
    size_t used = 0, size;

    while (!client->is_over && !client->held && (size = line_size(data + used, len - used)) > 0) {
        if (take_line(client, data + used, size))
            used += size;
        else
            wait_for_room(client);
        client->held = client->waits || client->owed == MOST_OWED;
    }
    if (client->held)
        connection_pause(client->connection);
    if (!client->is_over)
        return used;
    answer(client);
    return len;
}

static void take_end(void *context)
{
    struct client *client = context;

    client->is_over = true;
    answer(client);
}

/* What is still at work, or waits for a worker, is freed when it is done. */
static void forget(void *context, int error)
{
    struct client *client = context;

    (void)error;
    while (client->first != NULL) {
        struct request *request = take_first(client);
        if (request->is_done)
            free(request);
    }
    if (client->waits)
        stop_waiting(client);
    client->server->clients[client->slot] = NULL;
    free(client);
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

static void on_wake(void *context)
{
    struct server *server = context;

    pool_deliver(server->pool);
    release_waiting(server);
    if (is_to_end)
        loop_stop(server->loop);
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
