/* udp_echo_client.c - a line, a datagram, an answer.
 *
 * The socket is not connected: each answer shows where it came from, and one from elsewhere is as
 * little an answer as one with other bytes.  The waiting is done by the socket's receive timeout,
 * set anew to what is left before each call. */
#include "tcp.h"

#include <errno.h>
#include <netdb.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

enum { BIGGEST = 65507 };

static char answer[BIGGEST + 1];

static int usage(void)
{
    fputs("usage: udp_echo_client [--timeout MS] [--tries N] HOST PORT\n", stderr);
    return 2;
}

static int64_t microseconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000) + t.tv_nsec / 1000;
}

/* At least one, up to a million; 0 for what is no such number. */
static long number(const char *text)
{
    size_t digits = strspn(text, "0123456789");

    if (digits == 0 || digits > 7 || text[digits] != '\0')
        return 0;
    return strtol(text, NULL, 10);
}

static bool is_from(const struct sockaddr_storage *sender, socklen_t size,
                    const struct addrinfo *server)
{
    const struct sockaddr_in *a4 = (const void *)sender, *b4 = (const void *)server->ai_addr;
    const struct sockaddr_in6 *a6 = (const void *)sender, *b6 = (const void *)server->ai_addr;

    if (size != server->ai_addrlen || sender->ss_family != server->ai_family)
        return false;
    if (sender->ss_family == AF_INET)
        return a4->sin_port == b4->sin_port && a4->sin_addr.s_addr == b4->sin_addr.s_addr;
    return a6->sin6_port == b6->sin6_port &&
           memcmp(&a6->sin6_addr, &b6->sin6_addr, sizeof a6->sin6_addr) == 0;
}

static bool answered(int fd, const struct addrinfo *server, const char *line, size_t size,
                     int64_t deadline)
{
    int64_t left;

    while ((left = deadline - microseconds()) > 0) {
        struct timeval patience = {.tv_sec = left / 1000000, .tv_usec = left % 1000000};
        struct sockaddr_storage sender;
        socklen_t sender_size = sizeof sender;

        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        ssize_t got =
            recvfrom(fd, answer, sizeof answer, 0, (struct sockaddr *)&sender, &sender_size);
        if (got >= 0 && (size_t)got == size && memcmp(answer, line, size) == 0 &&
            is_from(&sender, sender_size, server))
            return true;
    }
    return false;
}

static bool exchange(int fd, const struct addrinfo *server, const char *line, size_t size,
                     long timeout_ms, long tries)
{
    while (tries-- > 0) {
        int64_t deadline = microseconds() + timeout_ms * INT64_C(1000);

        while (sendto(fd, line, size, 0, server->ai_addr, server->ai_addrlen) < 0 && errno == EINTR)
            ;
        if (answered(fd, server, line, size, deadline))
            return true;
    }
    return false;
}

static int talk(int fd, const struct addrinfo *server, long timeout_ms, long tries)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t size;
    int status = 0;

    while (status == 0 && (size = getline(&line, &room, stdin)) >= 0) {
        if (size > 0 && line[size - 1] == '\n')
            size--;
        if (size > BIGGEST || !exchange(fd, server, line, (size_t)size, timeout_ms, tries)) {
            fputs("udp_echo_client: no answer\n", stderr);
            status = 1;
        } else {
            fwrite(answer, 1, (size_t)size, stdout);
            putchar('\n');
            fflush(stdout);
        }
    }
    free(line);
    return status;
}

int main(int argc, char *argv[])
{
    struct addrinfo wanted = {.ai_socktype = SOCK_DGRAM};
    struct addrinfo *server;
    long timeout_ms = 1000, tries = 3;
    int i = 1;

    for (; i + 1 < argc && strncmp(argv[i], "--", 2) == 0; i += 2) {
        if (strcmp(argv[i], "--timeout") == 0)
            timeout_ms = number(argv[i + 1]);
        else if (strcmp(argv[i], "--tries") == 0)
            tries = number(argv[i + 1]);
        else
            return usage();
    }
    if (argc - i != 2 || timeout_ms == 0 || tries == 0 || tcp_port_from(argv[i + 1]) <= 0)
        return usage();
    if (getaddrinfo(argv[i], argv[i + 1], &wanted, &server) != 0) {
        fprintf(stderr, "udp_echo_client: who is %s?\n", argv[i]);
        return 1;
    }
    int fd = socket(server->ai_family, SOCK_DGRAM, 0);
    int status = fd < 0 ? 1 : talk(fd, server, timeout_ms, tries);
    if (fd < 0)
        perror("udp_echo_client: socket");
    freeaddrinfo(server);
    return status;
}
