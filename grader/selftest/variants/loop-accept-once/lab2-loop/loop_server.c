/* loop_server.c - an echo server that accepts one connection a wake-up: the rest is still there in
 * the next turn.
 *
 * A descriptor is kept in reserve.  When all others are in use it is given up for a moment, so that
 * the next in the queue can be taken and turned away: a refusal now is kinder than silence.
 *
 * The clients are a list.  One that is over is marked, and buried between two turns. */
#include "loop.h"
#include "net.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PIECE = 32 * 1024, MOST_OWED = 768 * 1024, REST_MS = 50 };

struct client {
    struct client *next;
    struct server *server;
    int fd;
    bool finished, dead;
    unsigned wanted;
    char *owed;
    size_t count, room;
};

struct server {
    struct loop *loop;
    int listener, reserve;
    struct client *clients;
    struct loop_timer rest;
    bool has_dead;
};

/* --- clients --- */

static void kill_client(struct client *client)
{
    client->dead = client->server->has_dead = true;
    loop_remove(client->server->loop, client->fd);
}

static bool make_room(struct client *client)
{
    if (client->room - client->count >= PIECE)
        return true;
    size_t room = client->room * 2 + PIECE;
    char *owed = realloc(client->owed, room);
    if (owed == NULL)
        return false;
    client->owed = owed;
    client->room = room;
    return true;
}

/* False: the client is lost. */
static bool take(struct client *client)
{
    if (!make_room(client))
        return false;
    ssize_t n = net_read(client->fd, client->owed + client->count, PIECE);
    if (n < 0)
        return errno == EAGAIN;
    client->finished = n == 0;
    client->count += (size_t)n;
    return true;
}

static bool give(struct client *client)
{
    ssize_t n = 0;

    if (client->count > 0)
        n = send(client->fd, client->owed, client->count, MSG_NOSIGNAL);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    client->count -= (size_t)n;
    if (n > 0)
        memmove(client->owed, client->owed + n, client->count);
    if (client->count == 0) {
        free(client->owed);
        client->owed = NULL;
        client->room = 0;
    }
    return true;
}

static void on_client(void *context, unsigned events)
{
    struct client *client = context;
    unsigned wanted = 0;

    if ((events & LOOP_READ && !take(client)) || !give(client) ||
        (client->finished && client->count == 0)) {
        kill_client(client);
        return;
    }
    if (client->count > 0)
        wanted |= LOOP_WRITE;
    if (!client->finished && client->count < MOST_OWED)
        wanted |= LOOP_READ;
    if (wanted != client->wanted && loop_change(client->server->loop, client->fd, wanted) < 0)
        kill_client(client);
    client->wanted = wanted;
}

static void bury(struct server *server)
{
    if (!server->has_dead)
        return;
    for (struct client **at = &server->clients; *at != NULL;) {
        struct client *client = *at;
        if (!client->dead) {
            at = &client->next;
            continue;
        }
        *at = client->next;
        close(client->fd);
        free(client->owed);
        free(client);
    }
    server->has_dead = false;
}

/* --- the listener --- */

static int welcome(struct server *server, int fd)
{
    struct client *client = calloc(1, sizeof *client);

    if (client == NULL)
        return -1;
    *client = (struct client){server->clients, server, .fd = fd, .wanted = LOOP_READ};
    if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0 ||
        loop_add(server->loop, fd, LOOP_READ, on_client, client) < 0) {
        free(client);
        return -1;
    }
    server->clients = client;
    return 0;
}

static void end_rest(void *context)
{
    struct server *server = context;

    loop_change(server->loop, server->listener, LOOP_READ);
}

/* Somebody else may have taken what was given up, or have it still: then the listener rests. */
static void refuse_one(struct server *server)
{
    int fd = -1;

    if (server->reserve >= 0) {
        close(server->reserve);
        fd = net_accept(server->listener);
        if (fd >= 0)
            close(fd);
    }
    server->reserve = eventfd(0, EFD_CLOEXEC);
    if (fd < 0 && loop_set_timer(server->loop, &server->rest, REST_MS) == 0)
        loop_change(server->loop, server->listener, 0);
}

static void on_listener(void *context, unsigned events)
{
    struct server *server = context;
    int fd = net_accept(server->listener);

    (void)events;
    if (fd >= 0 && welcome(server, fd) < 0)
        close(fd);
    else if (fd < 0 && errno != EAGAIN)
        refuse_one(server);
}

static int usage(void)
{
    fprintf(stderr, "usage: loop_server --backend select|epoll --port N\n");
    return 2;
}

static int fail(const char *what)
{
    perror(what);
    return EXIT_FAILURE;
}

static int serve(const char *backend, int port)
{
    static struct server server = {.rest = {.on_time = end_rest, .context = &server}};

    if ((server.loop = loop_new(backend)) == NULL)
        return errno == EINVAL ? usage() : fail("loop");
    server.listener = net_listen((uint16_t)port);
    if (server.listener < 0 || fcntl(server.listener, F_SETFL, O_NONBLOCK) < 0 ||
        loop_add(server.loop, server.listener, LOOP_READ, on_listener, &server) < 0)
        return fail("listen");
    server.reserve = eventfd(0, EFD_CLOEXEC);
    printf("listening on 127.0.0.1:%d\n", net_port(server.listener));
    fflush(stdout);
    while (loop_run_once(server.loop) == 0)
        bury(&server);
    return fail("loop");
}

int main(int argc, char **argv)
{
    static const struct option known[] = {
        {"backend", required_argument, NULL, 'b'},
        {"port", required_argument, NULL, 'p'},
        {0},
    };
    const char *backend = NULL;
    int port = -1, c;

    while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (c == 'b')
            backend = optarg;
        else if (c != 'p' || (port = net_parse_port(optarg)) < 0)
            return usage();
    }
    if (backend == NULL || port < 0 || optind != argc)
        return usage();
    return serve(backend, port);
}
