/* echo_client.c - the main thread reads the keyboard and sends; a second one receives and prints.
 *
 * The receiver decides when the program ends, since the end of the connection is the end of all:
 * with all input sent it is what was hoped for, before that it is a failure. */
#include "tcp.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int connection;
static atomic_bool all_sent;

static int dial(const char *host, const char *port)
{
    struct addrinfo wanted = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *list;
    int error = getaddrinfo(host, port, &wanted, &list);
    int fd = -1;

    if (error != 0) {
        fprintf(stderr, "echo_client: %s: %s\n", host, gai_strerror(error));
        return -1;
    }
    for (struct addrinfo *each = list; each != NULL; each = each->ai_next) {
        fd = socket(each->ai_family, each->ai_socktype, each->ai_protocol);
        if (fd < 0)
            continue;
        if (connect(fd, each->ai_addr, each->ai_addrlen) == 0)
            break;
        error = errno;
        close(fd);
        fd = -1;
    }
    freeaddrinfo(list);
    if (fd < 0)
        fprintf(stderr, "echo_client: no connection to %s:%s: %s\n", host, port, strerror(error));
    return fd;
}

/* exit(3) is not for a thread that others may overtake: _exit leaves at once. */
static void leave(const char *complaint)
{
    if (complaint != NULL)
        fprintf(stderr, "echo_client: %s\n", complaint);
    _exit(complaint != NULL);
}

static void print(const char *bytes, size_t count)
{
    while (count > 0) {
        ssize_t done = write(STDOUT_FILENO, bytes, count);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            leave("cannot write to standard output");
        bytes += done;
        count -= (size_t)done;
    }
}

static void *receive(void *unused)
{
    char buffer[8192];

    (void)unused;
    for (;;) {
        ssize_t got = recv(connection, buffer, sizeof buffer, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            leave("connection lost");
        if (got == 0)
            leave(all_sent ? NULL : "the server closed before all was sent");
        print(buffer, (size_t)got);
    }
    return NULL;
}

static void send_input(void)
{
    char buffer[8192];

    for (;;) {
        ssize_t got = read(STDIN_FILENO, buffer, sizeof buffer);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            leave("cannot read standard input");
        if (got == 0)
            break;
        if (!tcp_send_all(connection, buffer, (size_t)got))
            return; /* the receiver will notice, after what it still has to print */
    }
    all_sent = true; /* before the server can know, and close */
    shutdown(connection, SHUT_WR);
}

int main(int argc, char *argv[])
{
    pthread_t receiver;

    if (argc != 3 || tcp_port_from(argv[2]) <= 0) {
        fputs("usage: echo_client HOST PORT\n", stderr);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    connection = dial(argv[1], argv[2]);
    if (connection < 0)
        return 1;
    if (pthread_create(&receiver, NULL, receive, NULL) != 0) {
        fputs("echo_client: no thread\n", stderr);
        return 1;
    }
    send_input();
    pthread_join(receiver, NULL); /* it never returns: it leaves */
    return 1;
}
