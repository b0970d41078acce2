/* echo_server.c - sends back every byte that it receives (RFC 862), to many clients at once.
 *
 * The parent accepts, and forks a child for each client.  The child reads, writes and exits; the
 * kernel closes what it had open.  So a client that is slow, silent or gone costs the others
 * nothing: it stops its own child alone. */
#include "net.h"

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { CHUNK_SIZE = 64 * 1024, BACK_OFF_MS = 100 };

struct options {
    bool upper;
    int port;
};

static int usage(void)
{
    fprintf(stderr, "usage: echo_server [--upper] --port N\n");
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

/* ASCII only: toupper(3) would follow the locale. */
static void to_upper(char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (text[i] >= 'a' && text[i] <= 'z')
            text[i] = (char)(text[i] - 'a' + 'A');
}

/* Returns when the client has sent its last byte and was sent it back, or is gone. */
static void serve(int client, bool upper)
{
    static char chunk[CHUNK_SIZE];
    ssize_t n;

    while ((n = net_read(client, chunk, sizeof chunk)) > 0) {
        if (upper)
            to_upper(chunk, (size_t)n);
        if (net_write_all(client, chunk, (size_t)n) < 0)
            return;
    }
}

/* If no process is left, this client is refused, and the others go on. */
static void serve_in_child(int listener, int client, bool upper)
{
    if (fork() != 0)
        return;
    close(listener);
    serve(client, upper);
    _exit(EXIT_SUCCESS);
}

static int serve_all(int listener, bool upper)
{
    for (;;) {
        int client = net_accept(listener);
        if (client >= 0) {
            serve_in_child(listener, client, upper);
            close(client);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            poll(NULL, 0, BACK_OFF_MS); /* the client still waits: trying at once would spin */
        } else {
            perror("accept");
            return EXIT_FAILURE;
        }
    }
}

int main(int argc, char **argv)
{
    struct options options = {.port = -1};

    if (!parse_options(argc, argv, &options))
        return usage();
    signal(SIGPIPE, SIG_IGN); /* a write to a client that left shall fail, not kill */
    signal(SIGCHLD, SIG_IGN); /* the kernel reaps the children: sigaction(2), SA_NOCLDWAIT */

    int listener = net_listen((uint16_t)options.port);
    if (listener < 0) {
        perror("listen");
        return EXIT_FAILURE;
    }
    printf("listening on 127.0.0.1:%d\n", net_port(listener));
    fflush(stdout);
    return serve_all(listener, options.upper);
}
