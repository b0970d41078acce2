/* udp_echo_server.c - sends each datagram back to its sender (RFC 862).
 *
 * One socket serves every client, for there are no connections: each datagram says where it came
 * from.  Nor is there an end of input: a datagram of 0 bytes is one like any other. */
#include "net.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* The most that fits into a datagram: 65,535 bytes of IPv4 less its header of 20 and UDP's of 8. */
enum { DATAGRAM_SIZE = 65507 };

struct client {
    struct sockaddr_storage address;
    socklen_t size;
};

static int usage(void)
{
    fprintf(stderr, "usage: udp_echo_server --port N\n");
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

/* Stage 1.17: waits for the next datagram, and tells its length and whose it is: recvfrom(2). */
static ssize_t receive(int fd, void *data, size_t len, struct client *from)
{
    ssize_t n;

    do {
        from->size = sizeof from->address;
        n = recvfrom(fd, data, len, 0, (struct sockaddr *)&from->address, &from->size);
    } while (n < 0 && errno == EINTR);
    return n;
}

/* Stage 1.17: sendto(2).  Which of its errors should end a server? */
static void send_back(int fd, const void *data, size_t len, const struct client *to)
{
    ssize_t n;

    do
        n = sendto(fd, data, len, 0, (const struct sockaddr *)&to->address, to->size);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        perror("sendto"); /* this sender has bad luck, all others go on */
}

/* Stage 1.17: receives and sends back, for ever.  What does a length of 0 mean here? */
static int serve_all(int fd)
{
    static char data[DATAGRAM_SIZE];
    struct client client;

    for (;;) {
        ssize_t n = receive(fd, data, sizeof data, &client);
        if (n < 0) {
            perror("recvfrom");
            if (errno == EBADF || errno == ENOTSOCK || errno == EINVAL)
                return EXIT_FAILURE;
            continue;
        }
        send_back(fd, data, (size_t)n, &client);
    }
    return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    int port = -1;

    if (!parse_options(argc, argv, &port))
        return usage();
    signal(SIGPIPE, SIG_IGN);

    int fd = net_bind_udp((uint16_t)port);
    if (fd < 0) {
        perror("bind");
        return EXIT_FAILURE;
    }
    printf("listening on 127.0.0.1:%d\n", net_port(fd));
    fflush(stdout);
    return serve_all(fd);
}
