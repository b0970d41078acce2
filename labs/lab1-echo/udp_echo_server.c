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
    (void)fd;
    (void)data;
    (void)len;
    (void)from;
    /* Your code here. */
    errno = ENOSYS;
    return -1;
}

/* Stage 1.17: sendto(2).  Which of its errors should end a server? */
static void send_back(int fd, const void *data, size_t len, const struct client *to)
{
    (void)fd;
    (void)data;
    (void)len;
    (void)to;
    /* Your code here. */
}

/* Stage 1.17: receives and sends back, for ever.  What does a length of 0 mean here? */
static int serve_all(int fd)
{
    (void)fd;
    (void)receive;
    (void)send_back;
    /* Your code here. */
    pause(); /* until then it listens, and serves nobody */
    return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    int port = -1;

    if (!parse_options(argc, argv, &port))
        return usage();
    /* Stage 1.8, again.  Your code here. */

    int fd = net_bind_udp((uint16_t)port);
    if (fd < 0) {
        perror("bind");
        return EXIT_FAILURE;
    }
    printf("listening on 127.0.0.1:%d\n", net_port(fd));
    fflush(stdout);
    return serve_all(fd);
}
