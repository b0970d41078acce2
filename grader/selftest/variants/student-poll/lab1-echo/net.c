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

/* Stage 1.1: binds fd to 127.0.0.1:port: bind(2); ip(7) for the address and its byte order. */
static int bind_loopback(int fd, uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons(port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };

    return bind(fd, (struct sockaddr *)&address, sizeof address);
}

/* Stage 1.1: socket(2), bind_loopback, listen(2).  Whatever fails, no descriptor is left open.
 * Stage 1.12: setsockopt(2), and when it has to be called. */
int net_listen(uint16_t port)
{
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
        bind_loopback(fd, port) < 0 || listen(fd, SOMAXCONN) < 0)
        return fail(fd);
    return fd;
}

/* Stage 1.17: as net_listen, as far as a socket without connections goes: udp(7). */
int net_bind_udp(uint16_t port)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind_loopback(fd, port) < 0)
        return fail(fd);
    return fd;
}

/* Stage 1.1: getsockname(2) answers in network byte order: byteorder(3). */
int net_port(int fd)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof address;

    if (getsockname(fd, (struct sockaddr *)&address, &size) < 0)
        return -1;
    if (address.ss_family == AF_INET)
        return ntohs(((struct sockaddr_in *)&address)->sin_port);
    if (address.ss_family == AF_INET6)
        return ntohs(((struct sockaddr_in6 *)&address)->sin6_port);
    errno = EAFNOSUPPORT;
    return -1;
}

/* Stage 1.11: which errors of accept(2) say nothing about the listener?  Its page lists them. */
static bool concerns_one_connection(int error)
{
    switch (error) {
    case ECONNABORTED:
    case ENETDOWN:
    case EPROTO:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
        return true;
    default:
        return false;
    }
}

/* Stage 1.2: accept(2).  Stage 1.11: its errors.  No descriptor shall pass to a program that this
 * one may start: SOCK_CLOEXEC, here and wherever else a socket is made. */
int net_accept(int listener)
{
    int fd;

    do
        fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    while (fd < 0 && (errno == EINTR || concerns_one_connection(errno)));
    return fd;
}

/* Stage 1.15: getaddrinfo(3), socket(2), connect(2), freeaddrinfo(3); getaddrinfo's page has an
 * example.  Stage 1.16: a name may have several addresses, and not all of them may answer. */
int net_connect(const char *host, const char *port, int type)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = type};
    struct addrinfo *found;
    int fd = -1;

    if (getaddrinfo(host, port, &hints, &found) != 0) {
        errno = EHOSTUNREACH;
        return -1;
    }
    int error = EHOSTUNREACH;
    for (struct addrinfo *a = found; a != NULL && fd < 0; a = a->ai_next) {
        fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
        if (fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen) == 0)
            break;
        error = errno;
        fd = fail(fd);
    }
    freeaddrinfo(found);
    errno = error;
    return fd;
}

/* Stage 1.2: read(2).  Stage 1.11: a call that was interrupted has read nothing: signal(7). */
ssize_t net_read(int fd, void *data, size_t len)
{
    ssize_t n;

    do
        n = read(fd, data, len);
    while (n < 0 && errno == EINTR);
    return n;
}

/* Stage 1.2: write(2).  Stage 1.11: what does it return, and what is left to do then? */
int net_write_all(int fd, const void *data, size_t len)
{
    const char *rest = data;

    while (len > 0) {
        ssize_t n = write(fd, rest, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        rest += n;
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
