/* loop_server.c - an echo server: loop.c is its loop, visitor.c its clients. */
#include "loop.h"
#include "net.h"
#include "visitor.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { PAUSE_MS = 100 };

struct door {
    struct loop *loop;
    int listener;
    struct loop_timer pause;
};

static void open_again(void *context)
{
    struct door *door = context;

    loop_change(door->loop, door->listener, LOOP_READ);
}

/* Up to a full queue of them: one descriptor more than there are ends it in any case. */
static void on_door(void *context, unsigned events)
{
    struct door *door = context;
    int fd;

    (void)events;
    for (int left = 128; left > 0 && (fd = net_accept(door->listener)) >= 0; left--)
        if (visitor_welcome(door->loop, fd) < 0)
            close(fd);
    if (fd < 0 && errno != EAGAIN && loop_set_timer(door->loop, &door->pause, PAUSE_MS) == 0)
        loop_change(door->loop, door->listener, 0);
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

static int open_door(struct door *door, int port)
{
    door->pause.on_time = open_again;
    door->pause.context = door;
    door->listener = net_listen((uint16_t)port);
    if (door->listener < 0 || fcntl(door->listener, F_SETFL, O_NONBLOCK) < 0)
        return -1;
    return loop_add(door->loop, door->listener, LOOP_READ, on_door, door);
}

int main(int argc, char **argv)
{
    static const struct option known[] = {
        {"backend", required_argument, NULL, 'b'},
        {"port", required_argument, NULL, 'p'},
        {0},
    };
    struct door door = {0};
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
    if ((door.loop = loop_new(backend)) == NULL)
        return errno == EINVAL ? usage() : fail("loop");
    if (open_door(&door, port) < 0)
        return fail("listen");
    printf("listening on 127.0.0.1:%d\n", net_port(door.listener));
    fflush(stdout);
    return loop_run(door.loop) < 0 ? fail("loop") : EXIT_SUCCESS;
}
