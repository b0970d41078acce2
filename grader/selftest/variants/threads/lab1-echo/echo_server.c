/* echo_server.c - an echo server with a detached thread for each client.
 *
 * A session lives on the stack of its thread and in one small allocation, which the thread takes
 * over from the accept loop.  Nothing is shared, so nothing is locked. */
#include "tcp.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BUFFER_SIZE = 16 * 1024, STACK_SIZE = 512 * 1024 };

struct session {
    int fd;
    bool upper;
};

static void make_upper(unsigned char *bytes, size_t count)
{
    for (unsigned char *b = bytes; b != bytes + count; b++)
        if (*b >= 'a' && *b <= 'z')
            *b ^= 0x20;
}

static void echo(const struct session *session)
{
    unsigned char buffer[BUFFER_SIZE];

    for (;;) {
        ssize_t got = recv(session->fd, buffer, sizeof buffer, 0);
        if (got == 0 || (got < 0 && errno != EINTR))
            return;
        if (got < 0)
            continue;
        if (session->upper)
            make_upper(buffer, (size_t)got);
        if (!tcp_send_all(session->fd, buffer, (size_t)got))
            return;
    }
}

static void *run_session(void *argument)
{
    struct session *session = argument;

    echo(session);
    close(session->fd);
    free(session);
    return NULL;
}

/* Refuses the client where memory or threads have run out: the others matter more. */
static void start_session(const pthread_attr_t *detached, int fd, bool upper)
{
    struct session *session = malloc(sizeof *session);
    pthread_t ignored;

    if (session != NULL) {
        session->fd = fd;
        session->upper = upper;
        if (pthread_create(&ignored, detached, run_session, session) == 0)
            return;
    }
    free(session);
    close(fd);
}

static void accept_forever(int listener, bool upper)
{
    pthread_attr_t detached;

    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&detached, STACK_SIZE);
    for (;;) {
        int fd = tcp_accept(listener);
        if (fd >= 0)
            start_session(&detached, fd, upper);
    }
}

static int usage(void)
{
    fputs("usage: echo_server [--upper] --port N\n", stderr);
    return 2;
}

int main(int argc, char *argv[])
{
    bool upper = false;
    long port = -1;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--upper") == 0)
            upper = true;
        else if (strcmp(argv[i], "--port") == 0 && i + 1 < argc)
            port = tcp_port_from(argv[++i]);
        else
            return usage();
    }
    if (port < 0)
        return usage();

    signal(SIGPIPE, SIG_IGN);
    int listener = tcp_listen_and_say_so((unsigned short)port);
    if (listener < 0)
        return 1;
    accept_forever(listener, upper);
}
