/* echo_client.c - copies standard input to a server and the server to standard output, at once.
 *
 * Each direction has a thread of its own.  A client that sent everything before it received
 * anything would come to a stop with its server once the buffers between them are full, each
 * waiting for the other to read. */
#include "net.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CHUNK_SIZE = 64 * 1024 };

struct upload {
    int server;
    atomic_int error; /* 0 once all input was sent; else what keeps it from being sent, an errno */
};

static int usage(void)
{
    fprintf(stderr, "usage: echo_client HOST PORT\n");
    return 2;
}

/* Copies all up to the end of input.  -1 with errno set: one of the two is broken. */
static int copy_all(int from, int to)
{
    char chunk[CHUNK_SIZE];
    ssize_t n;

    do
        n = net_read(from, chunk, sizeof chunk);
    while (n > 0 && net_write_all(to, chunk, (size_t)n) == 0);
    return n == 0 ? 0 : -1;
}

/* The outcome is noted before the server hears of the end: it may close at once, and then the
 * receiver asks for the outcome.  shutdown(2) only fails on a lost connection, and the receiver
 * finds that too. */
static void *send_input(void *argument)
{
    struct upload *upload = argument;

    atomic_store(&upload->error, copy_all(STDIN_FILENO, upload->server) < 0 ? errno : 0);
    shutdown(upload->server, SHUT_WR);
    return NULL;
}

static int start_sending(struct upload *upload)
{
    pthread_t sender;

    errno = pthread_create(&sender, NULL, send_input, upload);
    if (errno != 0)
        return -1;
    pthread_detach(sender); /* nobody waits for it: it may be reading a silent terminal */
    return 0;
}

static int fail(const char *what)
{
    perror(what);
    return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    /* Static, since the sender may still run while main returns.  Until it has sent all, the end
     * of the connection means that the rest had nowhere to go. */
    static struct upload upload = {.error = EPIPE};

    if (argc != 3 || net_parse_port(argv[2]) < 1)
        return usage();
    signal(SIGPIPE, SIG_IGN); /* a write to a server that left shall fail, not kill */

    upload.server = net_connect(argv[1], argv[2], SOCK_STREAM);
    if (upload.server < 0)
        return fail("connect");
    if (start_sending(&upload) < 0)
        return fail("thread");
    if (copy_all(upload.server, STDOUT_FILENO) < 0)
        return fail("receive");
    errno = atomic_load(&upload.error);
    return errno == 0 ? EXIT_SUCCESS : fail("not all input was sent");
}
