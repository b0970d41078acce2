/* net.c - the socket calls of net.h, by the oldest means: flags are set one by one, and addresses are
 * text. */
#include "net.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int close_quietly(int fd)
{
    int error = errno;

    close(fd);
    errno = error;
    return -1;
}

static int on_exec_closed(int fd)
{
    if (fd < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) == 0)
        return fd;
    return close_quietly(fd);
}

static int new_socket(const struct addrinfo *address)
{
    return on_exec_closed(socket(address->ai_family, address->ai_socktype, address->ai_protocol));
}

/* NULL with EHOSTUNREACH. */
static struct addrinfo *look_up(const char *host, const char *port, int type, int flags)
{
    struct addrinfo hints = {.ai_socktype = type, .ai_flags = flags}, *found;

    if (getaddrinfo(host, port, &hints, &found) == 0)
        return found;
    errno = EHOSTUNREACH;
    return NULL;
}

static int bind_here(uint16_t port, int type)
{
    char service[8];
    int on = 1;

    (void)snprintf(service, sizeof service, "%u", (unsigned)port);
    struct addrinfo *here = look_up("127.0.0.1", service, type, AI_NUMERICHOST | AI_NUMERICSERV);
    if (here == NULL)
        return -1;
    int fd = new_socket(here);
    if (fd >= 0 && type == SOCK_STREAM &&
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0)
        fd = close_quietly(fd);
    if (fd >= 0 && bind(fd, here->ai_addr, here->ai_addrlen) < 0)
        fd = close_quietly(fd);
    int error = errno;
    freeaddrinfo(here);
    errno = error;
    return fd;
}

int net_listen(uint16_t port)
{
    int fd = bind_here(port, SOCK_STREAM);

    return fd < 0 || listen(fd, SOMAXCONN) == 0 ? fd : close_quietly(fd);
}

int net_bind_udp(uint16_t port)
{
    return bind_here(port, SOCK_DGRAM);
}

int net_port(int fd)
{
    struct sockaddr_storage address;
    struct sockaddr_in ipv4;
    socklen_t len = sizeof address;

    if (getsockname(fd, (struct sockaddr *)&address, &len) < 0)
        return -1;
    memcpy(&ipv4, &address, sizeof ipv4);
    return ntohs(ipv4.sin_port);
}

/* Anything but a shortage, a wrong argument or an empty queue is the connection's own trouble. */
static bool is_final(int error)
{
    static const int final[] = {EAGAIN, EBADF,   EFAULT, EINVAL,   EMFILE,    ENFILE,
                                ENOMEM, ENOBUFS, EPERM,  ENOTSOCK, EOPNOTSUPP};

    for (size_t i = 0; i < sizeof final / sizeof final[0]; i++)
        if (error == final[i])
            return true;
    return false;
}

/* Small answers go out at once: tcp(7), TCP_NODELAY. */
int net_accept(int listener)
{
    int on = 1;

    for (;;) {
        int fd = accept(listener, NULL, NULL);
        if (fd >= 0) {
            (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
            return on_exec_closed(fd);
        }
        if (is_final(errno))
            return -1;
    }
}

int net_connect(const char *host, const char *port, int type)
{
    struct addrinfo *found = look_up(host, port, type, 0);
    int fd = -1;

    if (found == NULL)
        return -1;
    for (const struct addrinfo *a = found; a != NULL && fd < 0; a = a->ai_next) {
        fd = new_socket(a);
        if (fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen) < 0)
            fd = close_quietly(fd);
    }
    int error = errno;
    freeaddrinfo(found);
    errno = error;
    return fd;
}

ssize_t net_read(int fd, void *data, size_t len)
{
    for (;;) {
        ssize_t n = read(fd, data, len);
        if (n >= 0 || errno != EINTR)
            return n;
    }
}

int net_write_all(int fd, const void *data, size_t len)
{
    const char *from = data, *end = from + len;

    while (from < end) {
        ssize_t n = write(fd, from, (size_t)(end - from));
        if (n >= 0)
            from += n;
        else if (errno != EINTR)
            return -1;
    }
    return 0;
}

int net_parse_port(const char *text)
{
    char *end;

    errno = 0;
    unsigned long port = strtoul(text, &end, 10);
    if (isdigit((unsigned char)*text) && *end == '\0' && errno == 0 && port <= 65535)
        return (int)port;
    errno = EINVAL;
    return -1;
}
