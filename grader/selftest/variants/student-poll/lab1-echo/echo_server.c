/* echo_server.c - sends back every byte that it receives (RFC 862), to any number of clients at
 * once.
 *
 * Stage 1.7: one process and one loop around poll(2).  All client sockets are non-blocking, so the
 * only place where the program ever waits is poll itself, which waits for all of them.  Every client
 * has a buffer of its own.  While something is in that buffer we only wait until this client takes
 * it (POLLOUT) and don't read from it, so a client that never reads stops only itself. */
#include "net.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK_SIZE = 64 * 1024, RETRY_MS = 100 };

struct options {
    int port;
    bool upper;
};

struct client {
    int fd;
    size_t start; /* data[start] to data[end - 1] still have to be sent */
    size_t end;
    char data[CHUNK_SIZE];
};

struct server {
    int listener;
    bool upper;
    size_t count;
    size_t capacity;
    struct client **clients;
    struct pollfd *polls; /* polls[0] is the listener, polls[i + 1] belongs to clients[i] */
};

static int usage(void)
{
    fprintf(stderr, "usage: echo_server --port N [--upper]\n");
    return 2;
}

static bool parse_options(int argc, char **argv, struct options *options)
{
    static const struct option known[] = {
        {"port", required_argument, NULL, 'p'},
        {"upper", no_argument, NULL, 'u'},
        {0},
    };
    int c;

    while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (c == 'u')
            options->upper = true;
        else if (c != 'p' || (options->port = net_parse_port(optarg)) < 0)
            return false;
    }
    return options->port >= 0 && optind == argc;
}

static int set_nonblocking(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    return flags < 0 ? -1 : fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

/* Not toupper(): that depends on the locale. */
static void make_upper(char *data, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (data[i] >= 'a' && data[i] <= 'z')
            data[i] = (char)(data[i] - 'a' + 'A');
}

/* Makes room for one more client. */
static bool grow(struct server *server)
{
    if (server->count < server->capacity)
        return true;

    size_t capacity = server->capacity * 2 + 16;
    struct client **clients = realloc(server->clients, capacity * sizeof *clients);
    if (clients == NULL)
        return false;
    server->clients = clients;
    struct pollfd *polls = realloc(server->polls, (capacity + 1) * sizeof *polls);
    if (polls == NULL)
        return false;
    server->polls = polls;
    server->capacity = capacity;
    return true;
}

static void add_client(struct server *server, int fd)
{
    struct client *client = NULL;

    if (set_nonblocking(fd) < 0 || !grow(server) || (client = malloc(sizeof *client)) == NULL) {
        perror("client");
        close(fd);
        return;
    }
    client->fd = fd;
    client->start = client->end = 0;
    server->clients[server->count++] = client;
}

/* Sends what is there of the buffer, as much as the kernel takes.  False: the client is gone. */
static bool send_some(struct client *client)
{
    while (client->start < client->end) {
        ssize_t n = write(client->fd, client->data + client->start, client->end - client->start);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN || errno == EWOULDBLOCK;
        client->start += (size_t)n;
    }
    client->start = client->end = 0;
    return true;
}

/* False: we are done with this client, everything was sent or it is gone. */
static bool serve(struct client *client, bool upper)
{
    if (client->end > 0)
        return send_some(client);

    ssize_t n = net_read(client->fd, client->data, sizeof client->data);
    if (n < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK;
    if (n == 0)
        return false;
    client->end = (size_t)n;
    if (upper)
        make_upper(client->data, client->end);
    return send_some(client);
}

/* Takes all clients that wait.  False if it ran out of descriptors or memory: try again later. */
static bool accept_clients(struct server *server)
{
    for (;;) {
        int fd = net_accept(server->listener);
        if (fd < 0)
            return errno == EAGAIN || errno == EWOULDBLOCK;
        add_client(server, fd);
    }
}

static int serve_all(int listener, bool upper)
{
    struct server server = {.listener = listener, .upper = upper};
    bool full = false;

    if (set_nonblocking(listener) < 0 || !grow(&server)) {
        perror("start");
        return EXIT_FAILURE;
    }
    for (;;) {
        server.polls[0] = (struct pollfd){.fd = full ? -1 : listener, .events = POLLIN};
        for (size_t i = 0; i < server.count; i++) {
            struct client *client = server.clients[i];
            short events = client->end > 0 ? POLLOUT : POLLIN;
            server.polls[i + 1] = (struct pollfd){.fd = client->fd, .events = events};
        }

        int ready = poll(server.polls, server.count + 1, full ? RETRY_MS : -1);
        if (ready < 0 && errno != EINTR && errno != ENOMEM && errno != EAGAIN) {
            perror("poll");
            return EXIT_FAILURE;
        }
        if (ready < 0)
            continue;

        /* from the end, so that the last one can take the place of one that is removed */
        for (size_t i = server.count; i-- > 0;) {
            struct client *client = server.clients[i];
            if (server.polls[i + 1].revents == 0 || serve(client, server.upper))
                continue;
            close(client->fd);
            free(client);
            server.clients[i] = server.clients[--server.count];
        }
        if (full || server.polls[0].revents != 0)
            full = !accept_clients(&server);
    }
}

int main(int argc, char **argv)
{
    struct options options = {.port = -1};

    if (!parse_options(argc, argv, &options))
        return usage();
    signal(SIGPIPE, SIG_IGN); /* a write to a client that left shall fail, not kill */

    int listener = net_listen((uint16_t)options.port);
    if (listener < 0) {
        perror("listen");
        return EXIT_FAILURE;
    }
    printf("listening on 127.0.0.1:%d\n", net_port(listener));
    fflush(stdout);
    return serve_all(listener, options.upper);
}
