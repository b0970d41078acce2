/* connecting.c - what becomes of a non-blocking connect(2): a listener, a port where nobody
 * listens, and a listener whose queue is full.
 *
 *     gcc -std=c11 -D_GNU_SOURCE -Wall -Wextra -o connecting connecting.c
 *     ./connecting */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void give_up(const char *call)
{
    perror(call);
    exit(EXIT_FAILURE);
}

static struct sockaddr_in loopback(void)
{
    return (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

/* A bound socket, which listens unless backlog is negative.  Fills in its address. */
static int server(struct sockaddr_in *address, int backlog)
{
    socklen_t size = sizeof *address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    *address = loopback();
    if (fd < 0 || bind(fd, (struct sockaddr *)address, size) < 0 ||
        getsockname(fd, (struct sockaddr *)address, &size) < 0)
        give_up("bind");
    if (backlog >= 0 && listen(fd, backlog) < 0)
        give_up("listen");
    return fd;
}

/* [connect] */
static int start(const struct sockaddr_in *address)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        give_up("socket");
    int result = connect(fd, (const struct sockaddr *)address, sizeof *address);
    printf("  connect: %s\n", result == 0 ? "0" : strerrorname_np(errno));
    return fd;
}

static void outcome(int fd, int timeout_ms)
{
    struct pollfd entry = {.fd = fd, .events = POLLOUT};
    int count = poll(&entry, 1, timeout_ms), error;
    socklen_t size = sizeof error;

    if (count == 0) {
        printf("  poll: 0, it is not decided yet\n");
        return;
    }
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
        give_up("getsockopt");
    printf("  poll: writable%s; SO_ERROR: %s\n", (entry.revents & POLLERR) != 0 ? ", error" : "",
           error == 0 ? "0, connected" : strerrorname_np(error));
}
/* [connect-end] */

static void show(const char *title, const struct sockaddr_in *address)
{
    printf("%s\n", title);
    int fd = start(address);
    outcome(fd, 300);
    close(fd);
}

int main(void)
{
    struct sockaddr_in open, closed, full;

    server(&open, 16);
    show("somebody listens", &open);
    server(&closed, -1);
    show("nobody listens", &closed);
    server(&full, 0);
    start(&full); /* fills the queue: one more than the backlog fits in */
    show("the queue is full", &full);
    return 0;
}
