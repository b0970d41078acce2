/* levels_edges.c - what epoll_wait(2) tells of a pipe that is never read empty: level-triggered,
 * edge-triggered, and after EPOLL_CTL_MOD.
 *
 *     gcc -std=c11 -D_GNU_SOURCE -Wall -Wextra -o levels_edges levels_edges.c
 *     ./levels_edges */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

static void give_up(const char *call)
{
    perror(call);
    exit(EXIT_FAILURE);
}

static void control(int epoll, int operation, int fd, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.fd = fd};

    if (epoll_ctl(epoll, operation, fd, &event) < 0)
        give_up("epoll_ctl");
}

static void ask(int epoll, const char *what)
{
    struct epoll_event event;
    int count = epoll_wait(epoll, &event, 1, 0);

    if (count < 0)
        give_up("epoll_wait");
    printf("  %-28s %s\n", what, count == 1 ? "told" : "not told");
}

static void put(int fd, const char *two_bytes)
{
    if (write(fd, two_bytes, 2) != 2)
        give_up("write");
}

static void take_one(int fd)
{
    char byte;

    if (read(fd, &byte, 1) != 1)
        give_up("read");
}

/* [story] */
static void tell_story(const char *name, uint32_t mode)
{
    int ends[2];
    int epoll = epoll_create1(EPOLL_CLOEXEC);

    if (epoll < 0 || pipe(ends) < 0)
        give_up("pipe");
    printf("%s\n", name);
    control(epoll, EPOLL_CTL_ADD, ends[0], EPOLLIN | mode);
    ask(epoll, "empty");
    put(ends[1], "ab");
    ask(epoll, "2 bytes came");
    ask(epoll, "nothing done since");
    take_one(ends[0]);
    ask(epoll, "1 byte read, 1 left");
    control(epoll, EPOLL_CTL_MOD, ends[0], EPOLLIN | mode);
    ask(epoll, "after EPOLL_CTL_MOD, 1 left");
    put(ends[1], "cd");
    ask(epoll, "2 more came");
    /* [story-end] */
    close(ends[0]);
    close(ends[1]);
    close(epoll);
}

int main(void)
{
    tell_story("level-triggered", 0);
    tell_story("edge-triggered", EPOLLET);
    return 0;
}
