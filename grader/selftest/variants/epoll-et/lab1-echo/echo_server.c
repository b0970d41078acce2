/* echo_server.c - an echo server on edge-triggered epoll(7).
 *
 * An edge is told once: whoever stops before EAGAIN has to remember that there is more.  So an event
 * only puts its peer into the line of those that may have something to do, and each in the line
 * gets a turn of bounded length: one that sends for ever can't starve the rest.
 *
 * A descriptor is kept in reserve.  When all others are in use it is given up for a moment, so that
 * the next in the queue can be accepted and turned away: a refusal now is kinder than silence. */
#include "peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BATCH = 64, RETRY_MS = 100 };

struct server {
    int epoll, listener, reserve;
    bool upper, retry;
    struct peer *line, **line_end;
};

static int quit(const char *what)
{
    perror(what);
    return 1;
}

static void queue_up(struct server *server, struct peer *peer)
{
    if (peer->queued)
        return;
    peer->queued = true;
    peer->next = NULL;
    *server->line_end = peer;
    server->line_end = &peer->next;
}

static void greet(struct server *server, int fd)
{
    struct peer *peer = peer_new(fd, server->upper);
    struct epoll_event both = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET};

    both.data.ptr = peer;
    if (peer == NULL) {
        close(fd);
    } else if (epoll_ctl(server->epoll, EPOLL_CTL_ADD, fd, &both) < 0) {
        peer_free(peer);
    } else {
        queue_up(server, peer);
    }
}

static int open_reserve(void)
{
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* False: there was none.  EMFILE does not tell, for accept(2) asks for a descriptor first. */
static bool turn_one_away(struct server *server)
{
    close(server->reserve);
    int fd = accept(server->listener, NULL, NULL);
    bool empty = fd < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
    if (fd >= 0)
        close(fd);
    server->reserve = open_reserve();
    return !empty;
}

static void accept_until_none_waits(struct server *server)
{
    server->retry = false;
    for (;;) {
        int fd = accept4(server->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            greet(server, fd);
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            return;
        } else if (errno == EMFILE && server->reserve >= 0) {
            if (!turn_one_away(server))
                return;
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            server->retry = true; /* no edge will tell when there are some again */
            return;
        }
    }
}

static void give_turns(struct server *server)
{
    struct peer *peer = server->line;

    server->line = NULL;
    server->line_end = &server->line;
    while (peer != NULL) {
        struct peer *next = peer->next;
        peer->queued = false;
        enum peer_state state = peer_turn(peer);
        if (state == PEER_HAS_MORE)
            queue_up(server, peer);
        else if (state == PEER_GONE)
            peer_free(peer);
        peer = next;
    }
}

static void loop(struct server *server)
{
    struct epoll_event events[BATCH];

    for (;;) {
        int patience = server->line != NULL ? 0 : server->retry ? RETRY_MS : -1;
        int count = epoll_wait(server->epoll, events, BATCH, patience);
        bool knock = count == 0 && server->retry;
        for (int i = 0; i < count; i++) {
            if (events[i].data.ptr == NULL)
                knock = true;
            else
                queue_up(server, events[i].data.ptr);
        }
        if (knock)
            accept_until_none_waits(server);
        give_turns(server);
        if (server->reserve < 0)
            server->reserve = open_reserve();
    }
}

static int start(struct server *server, in_port_t port)
{
    struct sockaddr_in local = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct epoll_event knock = {.events = EPOLLIN | EPOLLET};
    socklen_t size = sizeof local;
    int one = 1;

    inet_pton(AF_INET, "127.0.0.1", &local.sin_addr);
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (server->listener < 0)
        return quit("socket");
    setsockopt(server->listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(server->listener, (struct sockaddr *)&local, size) < 0)
        return quit("bind");
    if (listen(server->listener, 1024) < 0)
        return quit("listen");
    server->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (server->epoll < 0)
        return quit("epoll_create1");
    if (epoll_ctl(server->epoll, EPOLL_CTL_ADD, server->listener, &knock) < 0)
        return quit("epoll_ctl");
    if (getsockname(server->listener, (struct sockaddr *)&local, &size) < 0)
        return quit("getsockname");
    server->reserve = open_reserve();
    printf("listening on 127.0.0.1:%d\n", (int)ntohs(local.sin_port));
    return fflush(stdout) == 0 ? 0 : quit("stdout");
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"upper", no_argument, NULL, 'U'},
        {"port", required_argument, NULL, 'P'},
        {NULL, 0, NULL, 0},
    };
    struct server server = {.line_end = &server.line};
    long port = -1;
    char *end;
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 'U') {
            server.upper = true;
            continue;
        }
        if (option != 'P' || optarg[0] < '0' || optarg[0] > '9')
            goto usage;
        port = strtol(optarg, &end, 10);
        if (*end != '\0' || port > 65535)
            goto usage;
    }
    if (port < 0 || optind < argc)
        goto usage;
    signal(SIGPIPE, SIG_IGN);
    if (start(&server, (in_port_t)port) != 0)
        return 1;
    loop(&server);
usage:
    fprintf(stderr, "usage: %s [--upper] --port N\n", argv[0]);
    return 2;
}
