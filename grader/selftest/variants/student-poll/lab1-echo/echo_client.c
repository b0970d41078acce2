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

/* Stage 1.15: copies all up to the end of input.  -1 with errno set: one of the two is broken. */
static int copy_all(int from, int to)
{
    static _Thread_local char chunk[CHUNK_SIZE];
    ssize_t n;

    while ((n = net_read(from, chunk, sizeof chunk)) > 0)
        if (net_write_all(to, chunk, (size_t)n) < 0)
            return -1;
    return (int)n;
}

/* Stage 1.15: the sender.  argument is the struct upload.  Sends all of standard input, then says
 * that this was all: shutdown(2).  The outcome is for the receiver, who may ask for it at any time:
 * stdatomic.h. */
static void *send_input(void *argument)
{
    struct upload *upload = argument;
    int error = 0;

    if (copy_all(STDIN_FILENO, upload->server) < 0) {
        error = errno;
        shutdown(upload->server, SHUT_WR);
    } else {
        atomic_store(&upload->error, 0); /* before the server can answer our FIN */
        if (shutdown(upload->server, SHUT_WR) == 0)
            return NULL;
        error = errno;
    }
    atomic_store(&upload->error, error);
    return NULL;
}

/* Stage 1.15: pthread_create(3), which returns its error instead of setting errno.  The sender may
 * wait for a silent terminal when all else is over: should anybody wait for it? */
static int start_sending(struct upload *upload)
{
    pthread_t thread;
    int error = pthread_create(&thread, NULL, send_input, upload);

    if (error == 0)
        error = pthread_detach(thread);
    if (error != 0) {
        errno = error;
        return -1;
    }
    return 0;
}

static int fail(const char *what)
{
    perror(what);
    return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    /* Static, since the sender may still run while main returns.  Stage 1.15: which outcome holds
     * before the sender had its first turn? */
    static struct upload upload;

    if (argc != 3 || net_parse_port(argv[2]) < 1)
        return usage();
    signal(SIGPIPE, SIG_IGN);
    atomic_init(&upload.error, EPIPE); /* not all is sent yet */

    upload.server = net_connect(argv[1], argv[2], SOCK_STREAM);
    if (upload.server < 0)
        return fail("connect");
    if (start_sending(&upload) < 0)
        return fail("thread");
    if (copy_all(upload.server, STDOUT_FILENO) < 0)
        return fail("receive");
    errno = atomic_load(&upload.error);
    if (errno != 0)
        return fail("send");
    return EXIT_SUCCESS;
}
