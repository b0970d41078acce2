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
    (void)fd;
    (void)port;
    /* Your code here. */
    errno = ENOSYS;
    return -1;
}

/* Stage 1.1: socket(2), bind_loopback, listen(2).  Whatever fails, no descriptor is left open.
 * Stage 1.12: setsockopt(2), and when it has to be called. */
int net_listen(uint16_t port)
{
    (void)port;
    (void)fail;
    (void)bind_loopback;
    /* Your code here. */
    errno = ENOSYS;
    return -1;
}

/* Stage 1.17: as net_listen, as far as a socket without connections goes: udp(7). */
int net_bind_udp(uint16_t port)
{
    (void)port;
    /* Your code here. */
    errno = ENOSYS;
    return -1;
}

/* Stage 1.1: getsockname(2) answers in network byte order: byteorder(3). */
int net_port(int fd)
{
    (void)fd;
    /* Your code here. */
    errno = ENOSYS;
    return -1;
}

/* Stage 1.11: which errors of accept(2) say nothing about the listener?  Its page lists them. */
static bool concerns_one_connection(int error)
{
    (void)error;
    /* Your code here. */
    return false;
}

/* Stage 1.2: accept(2).  Stage 1.11: its errors.  No descriptor shall pass to a program that this
 * one may start: SOCK_CLOEXEC, here and wherever else a socket is made. */
int net_accept(int listener)
{
    (void)listener;
    (void)concerns_one_connection;
    /* Your code here. */
    errno = ENOSYS;
    return -1;
}

/* Stage 1.15: getaddrinfo(3), socket(2), connect(2), freeaddrinfo(3); getaddrinfo's page has an
 * example.  Stage 1.16: a name may have several addresses, and not all of them may answer. */
int net_connect(const char *host, const char *port, int type)
{
    (void)host;
    (void)port;
    (void)type;
    /* Your code here. */
    errno = ENOSYS;
    return -1;
}

/* Stage 1.2: read(2).  Stage 1.11: a call that was interrupted has read nothing: signal(7). */
ssize_t net_read(int fd, void *data, size_t len)
{
    (void)fd;
    (void)data;
    (void)len;
    /* Your code here. */
    errno = ENOSYS;
    return -1;
}

/* Stage 1.2: write(2).  Stage 1.11: what does it return, and what is left to do then? */
int net_write_all(int fd, const void *data, size_t len)
{
    (void)fd;
    (void)data;
    (void)len;
    /* Your code here. */
    errno = ENOSYS;
    return -1;
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
