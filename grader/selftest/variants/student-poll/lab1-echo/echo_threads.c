/* echo_threads.c - an echo server with a thread for each client, and one that logs for them all.
 *
 * A connection belongs to its thread, standard output to the logger.  The one thing that they share
 * is the queue between them, and it guards itself.  So a terminal that stands still stops the
 * logger, and nobody else. */
#include "log_queue.h"
#include "net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CHUNK_SIZE = 64 * 1024 };

struct connection {
    int fd;
    struct sockaddr_in peer;
    struct log_queue *log;
};

static int usage(void)
{
    fprintf(stderr, "usage: echo_threads --port N\n");
    return 2;
}

static bool parse_options(int argc, char **argv, int *port)
{
    static const struct option known[] = {
        {"port", required_argument, NULL, 'p'},
        {0},
    };
    int c;

    while ((c = getopt_long(argc, argv, "", known, NULL)) != -1)
        if (c != 'p' || (*port = net_parse_port(optarg)) < 0)
            return false;
    return *port >= 0 && optind == argc;
}

/* Stage 1.19: one line, written at once: inet_ntop(3), ntohs(3), fflush(3). */
static void print_record(const struct log_record *record)
{
    char address[INET_ADDRSTRLEN];

    if (record->dropped)
        printf("dropped %" PRIu64 " bytes\n", record->bytes);
    else
        printf("%s:%d %" PRIu64 " bytes\n",
               inet_ntop(AF_INET, &record->peer.sin_addr, address, sizeof address),
               ntohs(record->peer.sin_port), record->bytes);
    fflush(stdout);
}

/* Stage 1.19: the logger.  argument is the queue. */
static void *print_all(void *argument)
{
    struct log_queue *log = argument;

    for (;;) {
        struct log_record record = log_queue_take(log);
        print_record(&record);
    }
    return NULL;
}

/* Returns when the client has sent its last byte and was sent it back, or is gone.
 *
 * Stage 1.19: the thread of a client.  argument is its struct connection, which ends with it.  Here
 * nothing that was left open goes away by itself, as it did with a child process. */
static void *serve(void *argument)
{
    struct connection *connection = argument;
    char chunk[CHUNK_SIZE];
    ssize_t n;

    while ((n = net_read(connection->fd, chunk, sizeof chunk)) > 0) {
        struct log_record record = {.peer = connection->peer, .bytes = (uint64_t)n};
        log_queue_put(connection->log, &record);
        if (net_write_all(connection->fd, chunk, (size_t)n) < 0)
            break;
    }
    close(connection->fd);
    free(connection);
    return NULL;
}

/* NULL if there is no memory, or if the client is gone already: then it has no address any more.
 *
 * Stage 1.19: getpeername(2).  Why can't all threads use one struct that main keeps? */
static struct connection *new_connection(int fd, struct log_queue *log)
{
    struct connection *connection = malloc(sizeof *connection);
    socklen_t size;

    if (connection == NULL)
        return NULL;
    connection->fd = fd;
    connection->log = log;
    size = sizeof connection->peer;
    if (getpeername(fd, (struct sockaddr *)&connection->peer, &size) < 0) {
        free(connection);
        return NULL;
    }
    return connection;
}

/* Stage 1.19: pthread_create(3), pthread_detach(3).  Who closes fd if no thread can be had? */
static void serve_in_thread(int fd, struct log_queue *log)
{
    struct connection *connection = new_connection(fd, log);
    pthread_t thread;

    if (connection == NULL || pthread_create(&thread, NULL, serve, connection) != 0) {
        free(connection);
        close(fd);
        return;
    }
    pthread_detach(thread);
}

/* Stage 1.19: as in echo_server.c. */
static int serve_all(int listener, struct log_queue *log)
{
    for (;;) {
        int fd = net_accept(listener);
        if (fd >= 0) {
            serve_in_thread(fd, log);
            continue;
        }
        if (errno != EMFILE && errno != ENFILE && errno != ENOBUFS && errno != ENOMEM) {
            perror("accept");
            return EXIT_FAILURE;
        }
        poll(NULL, 0, 100); /* a descriptor may be free then */
    }
}

int main(int argc, char **argv)
{
    /* Static, since the threads may still run while main returns. */
    static struct log_queue log = {
        .lock = PTHREAD_MUTEX_INITIALIZER,
        .filled = PTHREAD_COND_INITIALIZER,
    };
    int port = -1;

    if (!parse_options(argc, argv, &port))
        return usage();
    signal(SIGPIPE, SIG_IGN);

    int listener = net_listen((uint16_t)port);
    if (listener < 0) {
        perror("listen");
        return EXIT_FAILURE;
    }
    printf("listening on 127.0.0.1:%d\n", net_port(listener));
    fflush(stdout);

    pthread_t logger;
    if ((errno = pthread_create(&logger, NULL, print_all, &log)) != 0) {
        perror("thread");
        return EXIT_FAILURE;
    }
    return serve_all(listener, &log);
}
