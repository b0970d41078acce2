/* loop_server.c - an echo server with a ring for each client.
 *
 * It reads what the ring has room for, and nothing where there is none: back-pressure needs no rule
 * of its own.  Where no descriptor is left, the listener rests until a client goes, or for a
 * while. */
#include "loop.h"
#include "net.h"
#include "ring.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { ACCEPTS = 64, REST_MS = 250 };

static struct loop *loop;
static int listener = -1;

struct client {
    int fd;
    bool sends; /* it has not ended yet */
    unsigned wanted;
    struct ring ring;
};

static void listen_again(void *context)
{
    loop_clear_timer(loop, context);
    loop_change(loop, listener, LOOP_READ);
}

static struct loop_timer rest = {.on_time = listen_again, .context = &rest};

static void part_from(struct client *client)
{
    loop_remove(loop, client->fd);
    close(client->fd);
    ring_free(&client->ring);
    free(client);
    if (rest.slot != 0)
        listen_again(&rest);
}

/* False: the client is gone. */
static bool exchange(struct client *client, unsigned events)
{
    if (events & LOOP_READ) {
        ssize_t n = ring_read(&client->ring, client->fd);
        if (n < 0 && errno != EAGAIN)
            return false;
        client->sends = n != 0;
    }
    if (ring_write(&client->ring, client->fd) < 0 && errno != EAGAIN)
        return false;
    return client->sends || !ring_is_empty(&client->ring);
}

static void on_client(void *context, unsigned events)
{
    struct client *client = context;

    if (!exchange(client, events)) {
        part_from(client);
        return;
    }
    unsigned wanted = (client->sends && !ring_is_full(&client->ring) ? LOOP_READ : 0U) |
                      (ring_is_empty(&client->ring) ? 0U : LOOP_WRITE);
    if (wanted == client->wanted)
        return;
    client->wanted = wanted;
    if (loop_change(loop, client->fd, wanted) < 0)
        part_from(client);
}

static void welcome(int fd)
{
    struct client *client = malloc(sizeof *client);
    int flags = fcntl(fd, F_GETFL);

    if (client != NULL) {
        *client = (struct client){.fd = fd, .sends = true, .wanted = LOOP_READ};
        if (flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 &&
            loop_add(loop, fd, LOOP_READ, on_client, client) == 0)
            return;
    }
    free(client);
    close(fd);
}

static void on_listener(void *context, unsigned events)
{
    (void)context;
    (void)events;
    for (int i = 0; i < ACCEPTS; i++) {
        int fd = net_accept(listener);
        if (fd >= 0) {
            welcome(fd);
            continue;
        }
        if (errno != EAGAIN && loop_set_timer(loop, &rest, REST_MS) == 0)
            loop_change(loop, listener, 0);
        return;
    }
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
    signal(SIGPIPE, SIG_IGN);
    if ((loop = loop_new(backend)) == NULL)
        return errno == EINVAL ? usage() : fail("loop");
    if ((listener = net_listen((uint16_t)port)) < 0 || fcntl(listener, F_SETFL, O_NONBLOCK) < 0 ||
        loop_add(loop, listener, LOOP_READ, on_listener, NULL) < 0)
        return fail("listen");
    printf("listening on 127.0.0.1:%d\n", net_port(listener));
    fflush(stdout);
    return loop_run(loop) < 0 ? fail("loop") : EXIT_SUCCESS;
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
