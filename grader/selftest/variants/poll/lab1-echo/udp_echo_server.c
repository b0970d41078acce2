/* udp_echo_server.c - a non-blocking socket behind poll(2): takes and answers until none is left. */
#include "endpoint.h"
#include "options.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>

static void answer_all(int fd)
{
    static char datagram[65536];
    struct sockaddr_storage peer;
    socklen_t size = sizeof peer;
    ssize_t length;

    while ((length = recvfrom(fd, datagram, sizeof datagram, 0, (struct sockaddr *)&peer, &size)) >=
           0) {
        struct pollfd room = {.fd = fd, .events = POLLOUT};
        do
            poll(&room, 1, 1000);
        while (sendto(fd, datagram, (size_t)length, 0, (struct sockaddr *)&peer, size) < 0 &&
               errno == EINTR);
        size = sizeof peer;
    }
}

int main(int argc, char *argv[])
{
    int port = -1;
    const struct option_rule rules[] = {
        {.name = "port", .number = &port, .min = 0, .max = 65535},
        {.name = NULL},
    };

    if (options_parse(argc, argv, rules) != argc || port < 0) {
        fprintf(stderr, "usage: udp_echo_server --port N\n");
        return 2;
    }
    struct pollfd socket = {.fd = endpoint_open(SOCK_DGRAM, port), .events = POLLIN};
    if (socket.fd < 0)
        return 1;
    for (;;)
        if (poll(&socket, 1, -1) > 0)
            answer_all(socket.fd);
}
