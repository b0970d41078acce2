/* endpoint.c - see endpoint.h. */
#include "endpoint.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static int bound(int type, int port)
{
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
    int fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0)
        return -1;
    if (type == SOCK_STREAM && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)) < 0)
        goto fail;
    if (bind(fd, (struct sockaddr *)&here, sizeof here) < 0)
        goto fail;
    if (type == SOCK_STREAM && listen(fd, 511) < 0)
        goto fail;
    return fd;
fail:
    perror("cannot open the port");
    close(fd);
    return -1;
}

int endpoint_open(int type, int port)
{
    struct sockaddr_in here;
    socklen_t size = sizeof here;
    int fd = bound(type, port);

    if (fd < 0)
        return -1;
    if (getsockname(fd, (struct sockaddr *)&here, &size) < 0 ||
        dprintf(STDOUT_FILENO, "listening on 127.0.0.1:%u\n", ntohs(here.sin_port)) < 0) {
        perror("cannot announce the port");
        close(fd);
        return -1;
    }
    return fd;
}

int endpoint_dial(const char *host, const char *port, int type)
{
    struct addrinfo *all, hints = {.ai_family = AF_UNSPEC, .ai_socktype = type};
    int code = getaddrinfo(host, port, &hints, &all);
    int fd = -1;

    if (code != 0) {
        fprintf(stderr, "%s: %s\n", host, gai_strerror(code));
        return -1;
    }
    for (struct addrinfo *one = all; one != NULL && fd < 0; one = one->ai_next) {
        fd = socket(one->ai_family, one->ai_socktype | SOCK_CLOEXEC, one->ai_protocol);
        if (fd >= 0 && connect(fd, one->ai_addr, one->ai_addrlen) < 0) {
            close(fd);
            fd = -1;
        }
    }
    freeaddrinfo(all);
    if (fd < 0)
        fprintf(stderr, "%s:%s cannot be reached\n", host, port);
    return fd;
}
