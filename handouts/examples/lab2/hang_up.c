/* hang_up.c - which events epoll_wait(2) tells of a socket for which nothing was asked, and what
 * the next calls say.
 *
 *     gcc -std=c11 -D_GNU_SOURCE -Wall -Wextra -o hang_up hang_up.c
 *     ./hang_up */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static void give_up(const char *call)
{
    perror(call);
    exit(EXIT_FAILURE);
}

/* A connection over loopback: ends[0] is ours, ends[1] the peer's. */
static void make_connection(int ends[2])
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);

    ends[1] = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr *)&address, size) < 0 || listen(listener, 1) < 0 ||
        getsockname(listener, (struct sockaddr *)&address, &size) < 0 ||
        connect(ends[1], (struct sockaddr *)&address, size) < 0)
        give_up("connect");
    ends[0] = accept(listener, NULL, NULL);
    if (ends[0] < 0)
        give_up("accept");
    close(listener);
}

static void reset(int fd)
{
    struct linger linger = {.l_onoff = 1, .l_linger = 0};

    if (setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger) < 0)
        give_up("setsockopt");
    close(fd);
}

static void print_events(uint32_t events)
{
    static const struct {
        uint32_t bit;
        const char *name;
    } names[] = {{EPOLLIN, "IN"},
                 {EPOLLOUT, "OUT"},
                 {EPOLLRDHUP, "RDHUP"},
                 {EPOLLHUP, "HUP"},
                 {EPOLLERR, "ERR"}};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if ((events & names[i].bit) != 0)
            printf(" %s", names[i].name);
    printf("%s\n", events == 0 ? " nothing" : "");
}

static void wait_once(int fd, const char *asked, uint32_t wanted)
{
    struct epoll_event event = {.events = wanted, .data.fd = fd};
    int epoll = epoll_create1(EPOLL_CLOEXEC);

    if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0)
        give_up("epoll_ctl");
    int count = epoll_wait(epoll, &event, 1, 50);
    printf("  asked for %-13s told:", asked);
    print_events(count == 1 ? event.events : 0);
    close(epoll);
}

static void try_calls(int fd)
{
    char byte;

    for (int i = 0; i < 2; i++) {
        ssize_t n = recv(fd, &byte, 1, MSG_DONTWAIT);
        printf("  read:  %s\n", n > 0 ? "a byte" : n == 0 ? "0, the end" : strerrorname_np(errno));
    }
    ssize_t n = send(fd, "x", 1, MSG_NOSIGNAL);
    printf("  write: %s\n", n < 0 ? strerrorname_np(errno) : "taken");
}

static void show(const char *title, void (*happens)(int ours, int peer))
{
    int ends[2];

    make_connection(ends);
    happens(ends[0], ends[1]);
    printf("%s\n", title);
    wait_once(ends[0], "nothing", 0);
    wait_once(ends[0], "IN", EPOLLIN);
    wait_once(ends[0], "IN,OUT,RDHUP", EPOLLIN | EPOLLOUT | EPOLLRDHUP);
    try_calls(ends[0]);
    close(ends[0]);
}

static void peer_finishes(int ours, int peer)
{
    (void)ours;
    shutdown(peer, SHUT_WR);
}

static void both_finish(int ours, int peer)
{
    shutdown(peer, SHUT_WR);
    shutdown(ours, SHUT_WR);
}

static void peer_resets(int ours, int peer)
{
    (void)ours;
    reset(peer);
}

static void peer_writes_and_resets(int ours, int peer)
{
    if (write(peer, "x", 1) < 0)
        give_up("write");
    peer_resets(ours, peer);
}

int main(void)
{
    show("the peer sent FIN", peer_finishes);
    show("both sent FIN", both_finish);
    show("the peer sent RST", peer_resets);
    show("the peer sent a byte, then RST", peer_writes_and_resets);
    return 0;
}
