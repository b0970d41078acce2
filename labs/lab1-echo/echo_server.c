/* echo_server.c - sends back every byte that it receives (RFC 862), to many clients at once.
 *
 * Stage 1.7: say here how it serves many at once, and why none of them can hold up the others. */
#include "net.h"

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { CHUNK_SIZE = 64 * 1024 };

struct options {
    int port;
};

static int usage(void)
{
    fprintf(stderr, "usage: echo_server --port N\n");
    return 2;
}

/* Stage 1.14 asks for one more option, --upper. */
static bool parse_options(int argc, char **argv, struct options *options)
{
    static const struct option known[] = {
        {"port", required_argument, NULL, 'p'},
        {0},
    };
    int c;

    while ((c = getopt_long(argc, argv, "", known, NULL)) != -1)
        if (c != 'p' || (options->port = net_parse_port(optarg)) < 0)
            return false;
    return options->port >= 0 && optind == argc;
}

/* Returns when the client has sent its last byte and was sent it back, or is gone.
 *
 * Stage 1.2: net_read, net_write_all.  Stage 1.3: any byte, any number of them.  Stage 1.5: the end
 * of what the client sends is not the end of what it is owed. */
static void serve(int client)
{
    (void)client;
    /* Your code here. */
}

/* Stage 1.7: fork(2), and what both processes have open then.  Stages 1.12 and 1.13: what the child
 * must not keep, and how it ends: _exit(2). */
static void serve_in_child(int listener, int client)
{
    (void)listener;
    (void)client;
    (void)serve;
    /* Your code here. */
}

/* Stage 1.2: takes a client with net_accept, and serves it.  Stage 1.6: then the next one; what has
 * to be given back first?  Stage 1.7: each in a child.  Stages 1.11 and 1.13: what if no descriptor
 * is free? */
static int serve_all(int listener)
{
    (void)listener;
    (void)serve_in_child;
    /* Your code here. */
    pause(); /* until then it listens, and serves nobody */
    return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    struct options options = {.port = -1};

    if (!parse_options(argc, argv, &options))
        return usage();
    /* Stage 1.8: what becomes of a process that writes to a client that left?  pipe(7), signal(7).
     * Stage 1.13: what is left of a child that ended, and until when?  wait(2), "Notes".
     * Your code here. */

    int listener = net_listen((uint16_t)options.port);
    if (listener < 0) {
        perror("listen");
        return EXIT_FAILURE;
    }
    printf("listening on 127.0.0.1:%d\n", net_port(listener));
    fflush(stdout);
    return serve_all(listener);
}
