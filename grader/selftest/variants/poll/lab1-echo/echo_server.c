/* echo_server.c - an echo server in one thread: a poll(2) loop over non-blocking sockets.
 *
 * A client has a ring of fixed size.  Where the ring is full, the server does not read from this
 * client until some of it could be written: TCP then slows the client down, and memory stays
 * bounded.  Where descriptors have run out, the listener is not polled until one was given back or
 * a moment has passed: somebody else may have had it. */
#include "endpoint.h"
#include "options.h"
#include "ring.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MOMENT_MS = 250, FOREVER = -1 };

struct client {
    bool finished; /* it sends no more */
    struct ring ring;
};

/* polled[0] is the listener; polled[i] belongs to clients[i]. */
struct server {
    bool upper;
    int64_t rest_until; /* no descriptor was left for the next client; 0: there are some */
    size_t count, room;
    struct pollfd *polled;
    struct client **clients;
};

static bool make_room(struct server *server)
{
    if (server->count < server->room)
        return true;

    size_t room = server->room * 2 + 8;
    struct pollfd *polled = realloc(server->polled, room * sizeof *polled);
    if (polled == NULL)
        return false;
    server->polled = polled;
    struct client **clients = realloc(server->clients, room * sizeof(struct client *));
    if (clients == NULL)
        return false;
    server->clients = clients;
    server->room = room;
    return true;
}

static bool add(struct server *server, int fd, struct client *client)
{
    if (!make_room(server))
        return false;
    server->polled[server->count] = (struct pollfd){.fd = fd, .events = POLLIN};
    server->clients[server->count++] = client;
    return true;
}

/* The last one takes the place of the one that leaves. */
static void drop(struct server *server, size_t i)
{
    close(server->polled[i].fd);
    free(server->clients[i]);
    server->count--;
    server->polled[i] = server->polled[server->count];
    server->clients[i] = server->clients[server->count];
    server->rest_until = 0;
}

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* One client a turn: poll(2) says so if there are more. */
static void take_client(struct server *server)
{
    int fd = accept4(server->polled[0].fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    struct client *client;

    if (fd < 0) {
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            server->rest_until = now_ms() + MOMENT_MS;
        return;
    }
    client = calloc(1, sizeof *client);
    if (client == NULL || !add(server, fd, client)) {
        free(client);
        close(fd);
    }
}

/* False: there is nothing more to do for this client. */
static bool serve(const struct server *server, struct client *client, int fd)
{
    if (!client->finished) {
        enum ring_result result = ring_fill(&client->ring, fd, server->upper);
        if (result == RING_ERROR)
            return false;
        client->finished = result == RING_END;
    }
    if (ring_drain(&client->ring, fd, RING_SIZE) == RING_ERROR)
        return false;
    return !client->finished || client->ring.used > 0;
}

static short wanted(const struct client *client)
{
    bool in = !client->finished && client->ring.used < RING_SIZE;
    bool out = client->ring.used > 0;

    return (short)((in ? POLLIN : 0) | (out ? POLLOUT : 0));
}

static void serve_clients(struct server *server)
{
    for (size_t i = server->count; --i > 0;) {
        struct pollfd *polled = &server->polled[i];
        if (polled->revents == 0)
            continue;
        if (serve(server, server->clients[i], polled->fd))
            polled->events = wanted(server->clients[i]);
        else
            drop(server, i);
    }
}

static void run(struct server *server)
{
    for (;;) {
        struct pollfd *listener = &server->polled[0];
        if (server->rest_until != 0 && now_ms() >= server->rest_until)
            server->rest_until = 0;
        bool rests = server->rest_until != 0;
        listener->events = rests ? 0 : POLLIN;
        if (poll(server->polled, server->count, rests ? MOMENT_MS : FOREVER) < 0)
            continue; /* EINTR, or no memory for now */
        bool knock = (listener->revents & POLLIN) != 0;
        serve_clients(server);
        if (knock)
            take_client(server);
    }
}

int main(int argc, char *argv[])
{
    struct server server = {.upper = false};
    int port = -1;
    const struct option_rule rules[] = {
        {.name = "upper", .flag = &server.upper},
        {.name = "port", .number = &port, .min = 0, .max = 65535},
        {.name = NULL},
    };

    if (options_parse(argc, argv, rules) != argc || port < 0) {
        fprintf(stderr, "usage: echo_server [--upper] --port N\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    int listener = endpoint_open(SOCK_STREAM, port);
    if (listener < 0 || !add(&server, listener, NULL))
        return 1;
    run(&server);
}
