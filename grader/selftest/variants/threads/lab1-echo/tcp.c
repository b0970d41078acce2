/* tcp.c - sockets for tcp.h. */
#include "tcp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

long tcp_port_from(const char *text)
{
    size_t digits = strspn(text, "0123456789");

    if (digits == 0 || digits > 5 || text[digits] != '\0')
        return -1;
    long port = strtol(text, NULL, 10);
    return port <= 65535 ? port : -1;
}

static int give_up(const char *what, int fd)
{
    perror(what);
    if (fd >= 0)
        close(fd);
    return -1;
}

static int bind_and_say_so(int type, unsigned short port)
{
    struct sockaddr_in local;
    socklen_t size = sizeof local;
    int yes = 1;
    int fd = socket(AF_INET, type, 0);

    if (fd < 0)
        return give_up("socket", -1);
    memset(&local, 0, sizeof local);
    local.sin_family = AF_INET;
    local.sin_port = htons(port);
    local.sin_addr.s_addr = inet_addr("127.0.0.1");
    if (type == SOCK_STREAM)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(fd, (struct sockaddr *)&local, sizeof local) != 0)
        return give_up("bind", fd);
    if (type == SOCK_STREAM && listen(fd, 128) != 0)
        return give_up("listen", fd);
    if (getsockname(fd, (struct sockaddr *)&local, &size) != 0)
        return give_up("getsockname", fd);
    printf("listening on %s:%hu\n", inet_ntoa(local.sin_addr), ntohs(local.sin_port));
    if (fflush(stdout) != 0)
        return give_up("stdout", fd);
    return fd;
}

int tcp_listen_and_say_so(unsigned short port)
{
    return bind_and_say_so(SOCK_STREAM, port);
}

int udp_bind_and_say_so(unsigned short port)
{
    return bind_and_say_so(SOCK_DGRAM, port);
}

/* Only a mistake of ours ends the program: then no later call could succeed. */
int tcp_accept(int listener)
{
    const struct timespec rest = {.tv_nsec = 50 * 1000 * 1000};
    int fd = accept(listener, NULL, NULL);

    if (fd >= 0)
        return fd;
    switch (errno) {
    case EBADF:
    case EFAULT:
    case EINVAL:
    case ENOTSOCK: perror("accept"); exit(1);
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM: nanosleep(&rest, NULL); break;
    default: break;
    }
    return -1;
}

bool tcp_send_all(int fd, const void *bytes, size_t count)
{
    const char *at = bytes;
    const char *end = at + count;

    while (at < end) {
        ssize_t sent = send(fd, at, (size_t)(end - at), MSG_NOSIGNAL);
        if (sent >= 0)
            at += sent;
        else if (errno != EINTR)
            return false;
    }
    return true;
}
