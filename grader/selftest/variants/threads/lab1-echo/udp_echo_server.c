/* udp_echo_server.c - sends datagrams back, with recvmsg(2) and sendmsg(2). */
#include "tcp.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>

int main(int argc, char *argv[])
{
    static char datagram[1 << 16];
    long port = -1;

    if (argc == 3 && strcmp(argv[1], "--port") == 0)
        port = tcp_port_from(argv[2]);
    if (port < 0) {
        fputs("usage: udp_echo_server --port N\n", stderr);
        return 2;
    }
    int fd = udp_bind_and_say_so((unsigned short)port);
    if (fd < 0)
        return 1;

    for (;;) {
        struct sockaddr_in sender;
        struct iovec part = {.iov_base = datagram, .iov_len = sizeof datagram};
        struct msghdr message = {
            .msg_name = &sender,
            .msg_namelen = sizeof sender,
            .msg_iov = &part,
            .msg_iovlen = 1,
        };
        ssize_t size = recvmsg(fd, &message, 0);
        if (size < 0)
            continue; /* an error of a datagram that we sent, or a signal */
        part.iov_len = (size_t)size;
        message.msg_flags = 0;
        while (sendmsg(fd, &message, 0) < 0 && errno == EINTR)
            ;
    }
}
