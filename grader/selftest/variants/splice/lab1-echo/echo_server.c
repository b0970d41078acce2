/* echo_server.c - an echo server that never looks at what it echoes: splice(2).
 *
 * Each client has a pipe.  Bytes go from the socket into the pipe and from the pipe to the socket
 * inside the kernel.  A client's pipe is either empty, and then the server waits for input, or it is
 * not, and then the server waits until it can be emptied: the pipe bounds what a client may be owed.
 * A client takes three descriptors.  They are all there before it is accepted, or it stays in the
 * queue.  With --upper, the way from the socket into the pipe leads through memory.
 *
 * One socket serves IPv6 and IPv4: ipv6(7), IPV6_V6ONLY.  Each piece is logged on standard error. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CLIENTS = 4096, PIECE = 65536, REST_MS = 200 };

struct client {
    int in, out;   /* the pipe: read from out, write to in */
    size_t inside; /* bytes that the pipe holds */
};

static struct pollfd polled[CLIENTS + 1];
static struct client clients[CLIENTS + 1]; /* [0], like polled[0], is the listener's */
static nfds_t count = 1;
static bool upper;

static bool passing(void)
{
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

/* The pipe is empty and blocks, so that all fits, and at once. */
static ssize_t fill_through_memory(int fd, const struct client *c)
{
    static char piece[PIECE];
    ssize_t n = read(fd, piece, sizeof piece);

    for (ssize_t i = 0; i < n; i++)
        if (piece[i] >= 'a' && piece[i] <= 'z')
            piece[i] = (char)(piece[i] - 'a' + 'A');
    for (ssize_t i = 0, m; i<n; i += m> 0 ? m : 0) {
        m = write(c->in, piece + i, (size_t)(n - i));
        if (m < 0 && errno != EINTR)
            return -1;
    }
    return n;
}

/* False: it is over. */
static bool fill(int fd, struct client *c)
{
    ssize_t n = upper ? fill_through_memory(fd, c)
                      : splice(fd, NULL, c->in, NULL, PIECE, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);

    if (n < 0)
        return passing();
    fprintf(stderr, "client %d: %zd bytes\n", fd, n);
    c->inside += (size_t)n;
    return n > 0;
}

static bool drain(int fd, struct client *c)
{
    ssize_t n = splice(c->out, NULL, fd, NULL, c->inside, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);

    if (n < 0)
        return passing();
    c->inside -= (size_t)n;
    return true;
}

static void forget(nfds_t i)
{
    close(polled[i].fd);
    close(clients[i].in);
    close(clients[i].out);
    count--;
    polled[i] = polled[count];
    clients[i] = clients[count];
}

static void serve(nfds_t i)
{
    struct client *c = &clients[i];
    bool goes_on = c->inside == 0 ? fill(polled[i].fd, c) : drain(polled[i].fd, c);

    if (goes_on && c->inside > 0)
        goes_on = drain(polled[i].fd, c);
    if (goes_on)
        polled[i].events = c->inside > 0 ? POLLOUT : POLLIN;
    else
        forget(i);
}

/* False: something has run out. */
static bool admit(void)
{
    int ends[2], fd;

    if (count > CLIENTS || pipe2(ends, O_CLOEXEC) < 0)
        return false;
    fd = accept4(polled[0].fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        bool short_of = !passing() && errno != ECONNABORTED;
        close(ends[0]);
        close(ends[1]);
        return !short_of;
    }
    clients[count] = (struct client){.in = ends[1], .out = ends[0]};
    polled[count++] = (struct pollfd){.fd = fd, .events = POLLIN};
    return true;
}

static long long now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

/* While something has run out, the listener is left alone: until a client leaves, or for a while. */
static void run(void)
{
    long long rest_until = 0;

    for (;;) {
        bool rests = now_ms() < rest_until;
        polled[0].events = rests ? 0 : POLLIN;
        if (poll(polled, count, rests ? REST_MS : -1) < 0)
            continue;
        for (nfds_t i = count - 1; i > 0; i--) {
            nfds_t before = count;
            if (polled[i].revents != 0)
                serve(i);
            if (count < before)
                rest_until = 0;
        }
        if (polled[0].revents != 0 && !admit())
            rest_until = now_ms() + REST_MS;
    }
}

static int announce(int fd, const char *address)
{
    struct sockaddr_storage name;
    socklen_t size = sizeof name;

    if (listen(fd, 1) < 0 || getsockname(fd, (struct sockaddr *)&name, &size) < 0)
        return -1;
    in_port_t port = name.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&name)->sin6_port
                                                : ((struct sockaddr_in *)&name)->sin_port;
    printf("listening on %s:%u\n", address, ntohs(port));
    return fflush(stdout);
}

/* IPv4 alone where the machine has no IPv6. */
static int start(in_port_t port)
{
    struct sockaddr_in6 any6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    struct sockaddr_in any4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    const int on = 1, off = 0;
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd >= 0) {
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
        if (bind(fd, (struct sockaddr *)&any6, sizeof any6) == 0)
            return announce(fd, "[::]") < 0 ? -1 : fd;
        if (errno != EADDRNOTAVAIL)
            return -1;
        close(fd);
    }
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&any4, sizeof any4) < 0 || announce(fd, "0.0.0.0") < 0)
        return -1;
    return fd;
}

int main(int argc, char **argv)
{
    char *end = NULL;
    long port = -1;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--upper") == 0) {
            upper = true;
        } else if (strcmp(argv[i], "--port") == 0 && argv[i + 1] != NULL) {
            port = strtol(argv[++i], &end, 10);
            if (*end != '\0' || *argv[i] < '0' || *argv[i] > '9')
                port = -1;
        } else {
            port = -1;
            break;
        }
    }
    if (port < 0 || port > 65535) {
        fprintf(stderr, "usage: %s [--upper] --port N (0 to 65535)\n", argv[0]);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    polled[0].fd = start((in_port_t)port);
    if (polled[0].fd < 0) {
        perror("cannot listen");
        return 1;
    }
    run();
}
