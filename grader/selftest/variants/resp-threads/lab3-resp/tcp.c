#include "tcp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { DRAIN_MS = 1000 };

static int close_failed(int fd)
{
    int error = errno;

    close(fd);
    errno = error;
    return -1;
}

int tcp_listen(uint16_t port, uint16_t *bound)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    socklen_t size = sizeof address;
    const int on = 1;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
        bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, SOMAXCONN) < 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) < 0)
        return close_failed(fd);
    *bound = ntohs(address.sin_port);
    return fd;
}

static void send_at_once(int fd)
{
    const int on = 1;

    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* only slower without it */
}

int tcp_accept(int listener)
{
    const struct timespec pause = {.tv_nsec = 100 * 1000 * 1000};
    int fd;

    while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) < 0)
        if (errno != EINTR && errno != ECONNABORTED)
            nanosleep(&pause, NULL);
    send_at_once(fd);
    return fd;
}

/* A connect(2) that a signal ends goes on behind the scenes: poll(2) tells how it ended. */
static int await_connection(int fd)
{
    struct pollfd ready = {.fd = fd, .events = POLLOUT};
    socklen_t size = sizeof errno;

    while (poll(&ready, 1, -1) < 0)
        if (errno != EINTR)
            return -1;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &errno, &size) < 0)
        return -1;
    return errno == 0 ? 0 : -1;
}

static int connect_to(const struct addrinfo *to)
{
    int fd = socket(to->ai_family, to->ai_socktype | SOCK_CLOEXEC, to->ai_protocol);

    if (fd < 0)
        return -1;
    if (connect(fd, to->ai_addr, to->ai_addrlen) < 0 &&
        (errno != EINTR || await_connection(fd) < 0))
        return close_failed(fd);
    send_at_once(fd);
    return fd;
}

int tcp_connect(const char *host, const char *port)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found;
    int fd = -1;

    if (getaddrinfo(host, port, &hints, &found) != 0) {
        errno = EADDRNOTAVAIL;
        return -1;
    }
    for (const struct addrinfo *to = found; to != NULL && fd < 0; to = to->ai_next)
        fd = connect_to(to);
    int error = errno;
    freeaddrinfo(found);
    errno = error;
    return fd;
}

ssize_t tcp_receive(int fd, void *data, size_t len)
{
    ssize_t n;

    do
        n = recv(fd, data, len, 0);
    while (n < 0 && errno == EINTR);
    return n;
}

int tcp_send(int fd, const void *data, size_t len)
{
    const uint8_t *next = data;

    while (len > 0) {
        ssize_t n = send(fd, next, len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        next += n;
        len -= (size_t)n;
    }
    return 0;
}

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

void tcp_finish(int fd)
{
    int64_t left, end = now_ms() + DRAIN_MS;
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    char dropped[4096];

    if (shutdown(fd, SHUT_WR) < 0)
        return;
    while ((left = end - now_ms()) > 0) {
        int count = poll(&ready, 1, (int)left);
        if (count == 0 || (count > 0 && tcp_receive(fd, dropped, sizeof dropped) <= 0))
            return;
    }
}

int tcp_parse_port(const char *text)
{
    size_t digits = strspn(text, "0123456789");

    if (digits == 0 || text[digits] != '\0')
        return -1;
    unsigned long port = strtoul(text, NULL, 10); /* ULONG_MAX where it is too large */
    return port <= UINT16_MAX ? (int)port : -1;
}
