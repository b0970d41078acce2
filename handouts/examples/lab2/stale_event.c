/* stale_event.c - one batch of events, two descriptors.  The callback of the first closes the
 * second, and a new connection gets its number: then the second event speaks of a stranger.
 *
 *     gcc -std=c11 -D_GNU_SOURCE -Wall -Wextra -o stale_event stale_event.c
 *     ./stale_event */
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static void give_up(const char *call)
{
    perror(call);
    exit(EXIT_FAILURE);
}

static void make_pair(int ends[2])
{
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0)
        give_up("socketpair");
}

static void watch(int epoll, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0)
        give_up("epoll_ctl");
}

int main(void)
{
    struct epoll_event batch[2];
    int a[2], b[2], stranger[2];
    int epoll = epoll_create1(EPOLL_CLOEXEC);

    make_pair(a);
    make_pair(b);
    watch(epoll, a[0]);
    watch(epoll, b[0]);
    if (write(a[1], "a", 1) < 0 || write(b[1], "b", 1) < 0)
        give_up("write");

    /* [batch] */
    int count = epoll_wait(epoll, batch, 2, -1);
    printf("the batch: descriptor %d can be read, descriptor %d can be read\n", batch[0].data.fd,
           batch[count - 1].data.fd);
    int second = batch[1].data.fd;
    close(second);       /* by the callback of the first */
    make_pair(stranger); /* and here comes somebody new, who has sent nothing */
    watch(epoll, stranger[0]);
    printf("closed %d; the new connection got %d\n", second, stranger[0]);
    /* [batch-end] */

    char byte;
    ssize_t n = recv(second, &byte, 1, MSG_DONTWAIT);
    printf("the second event says that %d can be read; read returns %zd (%s)\n", second, n,
           n < 0 ? "EAGAIN: nothing is there" : "?");
    return 0;
}
