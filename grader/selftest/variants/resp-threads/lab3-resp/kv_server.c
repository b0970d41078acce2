/* kv_server.c - a key-value store with a thread for each client, which reads, does what was asked
 * for, and writes; and waits in each of them.  A client that takes no replies is not read from, since
 * its thread waits in send(2): that is all that back-pressure takes here. */
#include "store.h"
#include "tcp.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ENOUGH_OUTPUT = 64 * 1024, STACK_SIZE = 256 * 1024 };

struct client {
    int fd;
    struct store *store;
    struct resp_parser *parser;
    struct window in, out;
};

static int usage(void)
{
    fprintf(stderr, "usage: kv_server [--backend select|epoll] --port N\n");
    return 2;
}

/* A backend may be named, as it may for a server with a loop; there is none to choose here. */
static bool parse_options(int argc, char **argv, int *port)
{
    static const struct option known[] = {
        {"backend", required_argument, NULL, 'b'},
        {"port", required_argument, NULL, 'p'},
        {0},
    };
    int c;

    while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
        bool fine = (c == 'p' && (*port = tcp_parse_port(optarg)) >= 0) ||
                    (c == 'b' && (strcmp(optarg, "select") == 0 || strcmp(optarg, "epoll") == 0));
        if (!fine)
            return false;
    }
    return *port >= 0 && optind == argc;
}

static bool flush(struct client *c)
{
    size_t size = window_len(&c->out);

    if (tcp_send(c->fd, window_front(&c->out), size) < 0)
        return false;
    window_drop(&c->out, size);
    return true;
}

static bool fill(struct client *c)
{
    if (!window_reserve(&c->in, 1))
        return false;
    ssize_t n = tcp_receive(c->fd, c->in.data + c->in.end, c->in.capacity - c->in.end);
    if (n <= 0)
        return false;
    c->in.end += (size_t)n;
    return true;
}

/* Nothing behind such bytes can be trusted. */
static void refuse(struct client *c)
{
    static const char error[] = "-ERROR\r\n";

    if (window_put(&c->out, error, strlen(error)) && flush(c))
        tcp_finish(c->fd);
}

/* Replies go out when there are enough of them, and before this waits for more to do. */
static void serve(struct client *c)
{
    struct resp_request request;

    for (;;) {
        switch (resp_parse(c->parser, window_front(&c->in), window_len(&c->in), &request)) {
        case RESP_DONE:
            if (!store_execute(c->store, &request, &c->out))
                return;
            window_drop(&c->in, request.size);
            if (window_len(&c->out) >= ENOUGH_OUTPUT && !flush(c))
                return;
            break;
        case RESP_MORE:
            if (!flush(c) || !fill(c))
                return;
            break;
        default: refuse(c); return;
        }
    }
}

static void free_client(struct client *c)
{
    close(c->fd);
    resp_parser_free(c->parser);
    free(c->in.data);
    free(c->out.data);
    free(c);
}

static void *run(void *argument)
{
    struct client *c = argument;

    serve(c);
    free_client(c);
    return NULL;
}

static void welcome(struct store *store, int fd, const pthread_attr_t *attributes)
{
    struct client *c = calloc(1, sizeof *c);
    pthread_t thread;

    if (c == NULL) {
        close(fd);
        return;
    }
    c->fd = fd;
    c->store = store;
    c->parser = resp_parser_new();
    if (c->parser == NULL || pthread_create(&thread, attributes, run, c) != 0)
        free_client(c);
}

static int fail(const char *what)
{
    perror(what);
    return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    static struct store store;
    pthread_attr_t attributes;
    uint16_t bound;
    int port = -1;

    if (!parse_options(argc, argv, &port))
        return usage();
    if (store_init(&store) < 0)
        return fail("store");
    if (pthread_attr_init(&attributes) != 0 ||
        pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED) != 0 ||
        pthread_attr_setstacksize(&attributes, STACK_SIZE) != 0)
        return fail("threads");
    int listener = tcp_listen((uint16_t)port, &bound);
    if (listener < 0)
        return fail("listen");
    printf("listening on 127.0.0.1:%d\n", bound);
    fflush(stdout);
    for (;;)
        welcome(&store, tcp_accept(listener), &attributes);
}
