/* wait_cost.c - what one turn costs with many idle descriptors and one that is ready: select(2),
 * poll(2), epoll_wait(2).
 *
 *     gcc -std=c11 -D_GNU_SOURCE -Wall -Wextra -O2 -o wait_cost wait_cost.c
 *     ./wait_cost 1000               with 1,000 idle descriptors */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <time.h>

enum { TURNS = 2000, MOST = 100000 };

static struct pollfd entries[MOST];
static int count, epoll;

static void give_up(const char *call)
{
    perror(call);
    exit(EXIT_FAILURE);
}

static void turn_of_select(void)
{
    fd_set set;

    FD_ZERO(&set);
    for (int i = 0; i < count; i++)
        FD_SET(entries[i].fd, &set);
    if (select(entries[count - 1].fd + 1, &set, NULL, NULL, NULL) != 1)
        give_up("select");
}

static void turn_of_poll(void)
{
    if (poll(entries, (nfds_t)count, -1) != 1)
        give_up("poll");
}

static void turn_of_epoll(void)
{
    struct epoll_event event;

    if (epoll_wait(epoll, &event, 1, -1) != 1)
        give_up("epoll_wait");
}

static void measure(const char *name, void (*turn)(void))
{
    struct timespec begin, end;

    clock_gettime(CLOCK_MONOTONIC, &begin);
    for (int i = 0; i < TURNS; i++)
        turn();
    clock_gettime(CLOCK_MONOTONIC, &end);
    double us =
        (double)(end.tv_sec - begin.tv_sec) * 1e6 + (double)(end.tv_nsec - begin.tv_nsec) / 1e3;
    printf("%-7s %9.2f us a turn\n", name, us / TURNS);
}

/* An idle descriptor, or one that can be read. */
static void add(unsigned value)
{
    struct epoll_event event = {.events = EPOLLIN};
    int fd = eventfd(value, EFD_CLOEXEC);

    if (fd < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0)
        give_up("eventfd");
    entries[count++] = (struct pollfd){.fd = fd, .events = POLLIN};
}

int main(int argc, char **argv)
{
    int idle = argc == 2 ? atoi(argv[1]) : 0;
    struct rlimit most = {MOST, MOST};

    if (idle < 1 || idle > MOST - 10)
        return 2;
    setrlimit(RLIMIT_NOFILE, &most); /* if it may not, eventfd says so */
    epoll = epoll_create1(EPOLL_CLOEXEC);
    for (int i = 0; i < idle; i++)
        add(0);
    add(1);
    printf("%d idle, 1 ready\n", idle);
    if (entries[count - 1].fd < FD_SETSIZE)
        measure("select", turn_of_select);
    measure("poll", turn_of_poll);
    measure("epoll", turn_of_epoll);
    return 0;
}
