/* bare_epoll.c - a peer: an echo server that is hardly more than its system calls.
 *
 * No interface, no timers, and no buffer: what a client does not take at once, the whole server
 * waits for.  So it is no program to serve anybody with, but a measure of what the loop costs. */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CHUNK_SIZE = 64 * 1024, MOST_EVENTS = 1024 };

static void fail(const char *what)
{
    perror(what);
    exit(EXIT_FAILURE);
}

static int listen_anywhere(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) < 0 || listen(fd, SOMAXCONN) < 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) < 0)
        fail("listen");
    printf("listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

static void watch(int epoll, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0)
        fail("epoll_ctl");
}

static int write_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, data, len, MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN) {
            struct pollfd ready = {.fd = fd, .events = POLLOUT};
            poll(&ready, 1, -1);
            continue;
        }
        if (n < 0)
            return -1;
        data += n;
        len -= (size_t)n;
    }
    return 0;
}

static void echo(int fd)
{
    static char data[CHUNK_SIZE];
    ssize_t n = read(fd, data, sizeof data);

    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0 || write_all(fd, data, (size_t)n) < 0)
        close(fd);
}

int main(void)
{
    static struct epoll_event events[MOST_EVENTS];
    int listener = listen_anywhere(), epoll = epoll_create1(0), fd;

    watch(epoll, listener);
    for (;;) {
        int count = epoll_wait(epoll, events, MOST_EVENTS, -1);
        for (int i = 0; i < count; i++) {
            if (events[i].data.fd != listener)
                echo(events[i].data.fd);
            else
                while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0)
                    watch(epoll, fd);
        }
    }
}
