/* echo_threads.c - threads that echo, and one that logs, without a lock between them.
 *
 * The log is the bounded queue by Dmitry Vyukov: each slot has a turn, which says whether it waits
 * for the producer or for the consumer of this round.  An eventfd(2) wakes the consumer: whoever
 * has put or dropped something writes to it afterwards, so that nothing can be missed. */
#include "endpoint.h"
#include "options.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SLOTS = 16, PIECE = 32 * 1024 };

struct slot {
    atomic_size_t turn;
    struct sockaddr_in peer;
    size_t bytes;
};

static struct slot slots[SLOTS];
static atomic_size_t next_put;
static size_t next_take; /* the logger's own */
static atomic_ullong dropped;
static int bell;

struct session {
    int fd;
    struct sockaddr_in peer;
};

static bool put(const struct sockaddr_in *peer, size_t bytes)
{
    size_t mine = atomic_load(&next_put);

    for (;;) {
        struct slot *slot = &slots[mine % SLOTS];
        size_t turn = atomic_load_explicit(&slot->turn, memory_order_acquire);
        if (turn == mine) {
            if (!atomic_compare_exchange_weak(&next_put, &mine, mine + 1))
                continue;
            slot->peer = *peer;
            slot->bytes = bytes;
            atomic_store_explicit(&slot->turn, mine + 1, memory_order_release);
            return true;
        }
        if (turn < mine)
            return false; /* still full of the round before */
        mine = atomic_load(&next_put);
    }
}

static void log_piece(const struct sockaddr_in *peer, size_t bytes)
{
    if (!put(peer, bytes))
        atomic_fetch_add(&dropped, bytes);
    eventfd_write(bell, 1);
}

static bool print_next(void)
{
    struct slot *slot = &slots[next_take % SLOTS];

    if (atomic_load_explicit(&slot->turn, memory_order_acquire) != next_take + 1)
        return false;
    struct sockaddr_in peer = slot->peer;
    size_t bytes = slot->bytes;
    atomic_store_explicit(&slot->turn, next_take + SLOTS, memory_order_release);
    next_take++;
    dprintf(STDOUT_FILENO, "%s:%u %zu bytes\n", inet_ntoa(peer.sin_addr), ntohs(peer.sin_port),
            bytes);
    return true;
}

static void *log_all(void *unused)
{
    (void)unused;
    for (;;) {
        eventfd_t rings;
        eventfd_read(bell, &rings);
        while (print_next())
            ;
        unsigned long long lost = atomic_exchange(&dropped, 0);
        if (lost > 0)
            dprintf(STDOUT_FILENO, "dropped %llu bytes\n", lost);
    }
    return NULL;
}

static bool send_back(int fd, const char *piece, size_t size)
{
    while (size > 0) {
        ssize_t n = write(fd, piece, size);
        if (n < 0 && errno != EINTR)
            return false;
        if (n > 0) {
            piece += n;
            size -= (size_t)n;
        }
    }
    return true;
}

static void *echo(void *argument)
{
    struct session *session = argument;
    char piece[PIECE];

    for (;;) {
        ssize_t n = read(session->fd, piece, sizeof piece);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        log_piece(&session->peer, (size_t)n);
        if (!send_back(session->fd, piece, (size_t)n))
            break;
    }
    close(session->fd);
    free(session);
    return NULL;
}

static void admit(int fd, const struct sockaddr_in *peer)
{
    struct session *session = malloc(sizeof *session);
    pthread_t thread;

    if (session != NULL) {
        *session = (struct session){.fd = fd, .peer = *peer};
        if (pthread_create(&thread, NULL, echo, session) == 0) {
            pthread_detach(thread);
            return;
        }
        free(session);
    }
    close(fd);
}

static void accept_all(int listener)
{
    struct pollfd knock = {.fd = listener, .events = POLLIN};

    for (;;) {
        struct sockaddr_in peer;
        socklen_t size = sizeof peer;
        int fd = accept(listener, (struct sockaddr *)&peer, &size);
        if (fd >= 0)
            admit(fd, &peer);
        else if (errno == EAGAIN || errno == EWOULDBLOCK)
            poll(&knock, 1, -1);
        else if (errno != EINTR && errno != ECONNABORTED)
            poll(NULL, 0, 50);
    }
}

int main(int argc, char *argv[])
{
    int port = -1;
    const struct option_rule rules[] = {
        {.name = "port", .number = &port, .min = 0, .max = 65535},
        {.name = NULL},
    };
    pthread_t logger;

    if (options_parse(argc, argv, rules) != argc || port < 0) {
        fprintf(stderr, "usage: echo_threads --port N\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < SLOTS; i++)
        atomic_init(&slots[i].turn, i);
    bell = eventfd(0, EFD_CLOEXEC);
    int listener = endpoint_open(SOCK_STREAM, port);
    if (bell < 0 || listener < 0 || pthread_create(&logger, NULL, log_all, NULL) != 0)
        return 1;
    accept_all(listener);
}
