/* net.c - the socket calls of net.h over POSIX sockets. */
#include "net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

/* Closes fd without losing the errno of what went wrong before. */
static int fail(int fd)
{
    int error = errno;

    if (fd >= 0)
        close(fd);
    errno = error;
    return -1;
}

static int bind_loopback(int fd, uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons(port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };

    return bind(fd, (struct sockaddr *)&address, sizeof address);
}

int net_listen(uint16_t port)
{
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
        bind_loopback(fd, port) < 0 || listen(fd, SOMAXCONN) < 0)
        return fail(fd);
    return fd;
}

int net_bind_udp(uint16_t port)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind_loopback(fd, port) < 0)
        return fail(fd);
    return fd;
}

int net_port(int fd)
{
    struct sockaddr_in address = {0};
    socklen_t len = sizeof address;

    if (getsockname(fd, (struct sockaddr *)&address, &len) < 0)
        return -1;
    return ntohs(address.sin_port);
}

/* accept(2): "Linux accept() passes already-pending network errors on the new socket as an error
 * code [...] treat them like EAGAIN by retrying." */
static bool concerns_one_connection(int error)
{
    switch (error) {
    case EINTR:
    case ECONNABORTED:
    case ENETDOWN:
    case EPROTO:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case ENETUNREACH: return true;
    default: return false;
    }
}

int net_accept(int listener)
{
    int fd;

    do
        fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    while (fd < 0 && concerns_one_connection(errno));
    return fd;
}

int net_connect(const char *host, const char *port, int type)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = type};
    struct addrinfo *found;
    int fd = -1;

    if (getaddrinfo(host, port, &hints, &found) != 0) {
        errno = EHOSTUNREACH;
        return -1;
    }
    for (struct addrinfo *a = found; a != NULL && fd < 0; a = a->ai_next) {
        fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
        if (fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen) < 0)
            fd = fail(fd);
    }
    int error = errno;
    freeaddrinfo(found);
    errno = error;
    return fd;
}

ssize_t net_read(int fd, void *data, size_t len)
{
    ssize_t n;

    do
        n = read(fd, data, len);
    while (n < 0 && errno == EINTR);
    return n;
}

int net_write_all(int fd, const void *data, size_t len)
{
    const uint8_t *next = data;

    while (len > 0) {
        ssize_t n = write(fd, next, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        next += n;
        len -= (size_t)n;
    }
    return 0;
}

int net_parse_port(const char *text)
{
    int port = 0;

    for (const char *c = text; *c != '\0'; c++) {
        if (*c < '0' || *c > '9' || port > UINT16_MAX / 10)
            goto invalid;
        port = port * 10 + (*c - '0');
    }
    if (*text != '\0' && port <= UINT16_MAX)
        return port;
invalid:
    errno = EINVAL;
    return -1;
}
