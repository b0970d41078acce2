/* loop_server.c - an echo server whose loop is edge-triggered inside: loop.c.
 *
 * It accepts a few connections a turn.  Where descriptors have run out, it looks again once a
 * session is over, or after 100 ms: another process may have given some back. */
#include "loop.h"
#include "net.h"
#include "session.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { ACCEPTS = 16, PAUSE_MS = 100 };

struct server {
    struct loop *loop;
    int listener;
    struct loop_timer pause;
};

static void resume(void *context)
{
    struct server *server = context;

    loop_clear_timer(server->loop, &server->pause);
    loop_change(server->loop, server->listener, LOOP_READ);
}

static void resume_if_paused(void *context)
{
    struct server *server = context;

    if (server->pause.slot != 0)
        resume(server);
}

static void on_clients(void *context, unsigned events)
{
    struct server *server = context;

    (void)events;
    for (int i = 0; i < ACCEPTS; i++) {
        int fd = net_accept(server->listener);
        if (fd < 0 && errno == EAGAIN)
            return;
        if (fd < 0) {
            loop_change(server->loop, server->listener, 0);
            if (loop_set_timer(server->loop, &server->pause, PAUSE_MS) < 0)
                resume(server);
            return;
        }
        if (session_start(server->loop, fd, resume_if_paused, server) < 0)
            close(fd);
    }
    if (loop_is_edge(server->loop))
        loop_change(server->loop, server->listener, LOOP_READ);
}

static int usage(void)
{
    fprintf(stderr, "usage: loop_server --backend select|poll|epoll|edge --port N\n");
    return 2;
}

static int fail(const char *what)
{
    perror(what);
    return EXIT_FAILURE;
}

static int serve(const char *backend, int port)
{
    static struct server server;

    server.pause.on_time = resume;
    server.pause.context = &server;
    server.loop = loop_new(backend);
    if (server.loop == NULL)
        return errno == EINVAL ? usage() : fail("loop_new");
    server.listener = net_listen((uint16_t)port);
    if (server.listener < 0 || fcntl(server.listener, F_SETFL, O_NONBLOCK) < 0 ||
        loop_add(server.loop, server.listener, LOOP_READ, on_clients, &server) < 0)
        return fail("listen");
    printf("listening on 127.0.0.1:%d\n", net_port(server.listener));
    fflush(stdout);
    return loop_run(server.loop) < 0 ? fail("loop_run") : EXIT_SUCCESS;
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
    return backend != NULL && port >= 0 && optind == argc ? serve(backend, port) : usage();
}
