/* load.c - a closed-loop load generator for echo servers: each connection keeps as many requests on
 * their way as it may, sends a new one for each that came back, and looks at every byte.
 *
 *     load --port N [--connections C] [--size BYTES] [--depth D] [--idle I] [--seconds S]
 *          [--warmup S] [--stall S] [--pid SERVER]
 *
 * It shares its core with the server that it measures, so it does little for a request: of one
 * connection it takes all that is there with one read, compares that with the pattern in place,
 * and sends all new requests with one write, out of the pattern too.  One look at the clock does for
 * all of these.  epoll is edge-triggered here: no descriptor is asked about twice.
 *
 * Prints one JSON object; with --pid, the server's CPU time is in it.  Exit status 1, with a line on stderr, if a byte was wrong, a connection
 * ended, or nothing came for --stall seconds (10); 2 for a wrong option. */
#include "clock.h"
#include "histogram.h"
#include "options.h"
#include "pattern.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST_EVENTS = 512 };

struct client {
    int fd;
    uint32_t index;          /* which of the connections */
    uint64_t sent, received; /* bytes */
    uint64_t owed;           /* bytes of requests begun, for which the kernel had no room yet */
};

struct load {
    struct options options;
    size_t size, depth;
    struct client *clients; /* the active ones first, then the idle ones */
    int64_t *times;         /* when each request on its way was sent: for each client a ring of
                               depth places */
    uint64_t on_their_way;  /* requests, of all clients */
    uint64_t answered, counted;
    bool counting, stopping; /* the warm-up is over; no new requests */
    int epoll;
    struct histogram latency;
    double seconds, cpu, server_cpu, idle; /* of the measurement */
};

static _Noreturn void fail(const char *what, uint32_t index)
{
    fprintf(stderr, "load: connection %u: %s\n", index, what);
    exit(EXIT_FAILURE);
}

static int stall_ms(const struct load *load)
{
    return (int)(load->options.stall * 1000);
}

/* --- requests --- */

static void send_owed(struct client *c)
{
    while (c->owed > 0) {
        size_t len = c->owed < PATTERN_CHUNK ? (size_t)c->owed : PATTERN_CHUNK;
        ssize_t n = send(c->fd, pattern_at(c->index, c->sent), len, MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN)
            return;
        if (n < 0)
            fail(strerror(errno), c->index);
        c->sent += (uint64_t)n;
        c->owed -= (uint64_t)n;
    }
}

static int64_t *began(const struct load *load, const struct client *c, uint64_t request)
{
    return &load->times[c->index * load->depth + request % load->depth];
}

/* first is the number of the first new request of this connection. */
static void begin(struct load *load, struct client *c, uint64_t first, uint64_t count, int64_t now)
{
    for (uint64_t i = 0; i < count; i++)
        *began(load, c, first + i) = now;
    c->owed += count * load->size;
    load->on_their_way += count;
    send_owed(c);
}

/* Of the requests first to last - 1 of c all bytes are back. */
static void complete(struct load *load, struct client *c, uint64_t first, uint64_t last,
                     int64_t now)
{
    if (load->counting) {
        for (uint64_t i = first; i < last; i++)
            histogram_add(&load->latency, (uint64_t)(now - *began(load, c, i)));
        load->counted += last - first;
    }
    load->answered += last - first;
    load->on_their_way -= last - first;
    if (last > first && !load->stopping)
        begin(load, c, first + load->depth, last - first, now);
}

/* Reads what is there.  Returns whether there may be more. */
static bool receive(struct load *load, struct client *c, int64_t now)
{
    static uint8_t data[PATTERN_CHUNK];
    uint64_t first = c->received / load->size;
    ssize_t n = recv(c->fd, data, sizeof data, 0);

    if (n < 0 && errno == EAGAIN)
        return false;
    if (n < 0)
        fail(strerror(errno), c->index);
    if (n == 0)
        fail("the server closed it", c->index);
    if ((uint64_t)n > c->sent - c->received)
        fail("more came back than was sent", c->index);
    if (memcmp(data, pattern_at(c->index, c->received), (size_t)n) != 0)
        fail("a wrong byte came back", c->index);
    c->received += (uint64_t)n;
    complete(load, c, first, c->received / load->size, now);
    return n == sizeof data;
}

static void serve(struct load *load, struct client *c)
{
    send_owed(c);
    while (receive(load, c, now_ns()))
        ;
}

/* One turn: all that is ready now, or soon. */
static void turn(struct load *load)
{
    struct epoll_event events[MOST_EVENTS];
    int count = epoll_wait(load->epoll, events, MOST_EVENTS, stall_ms(load));

    if (count < 0 && errno != EINTR)
        fail(strerror(errno), 0);
    if (count == 0)
        fail("nothing came back for too long", 0);
    for (int i = 0; i < count; i++)
        serve(load, events[i].data.ptr);
}

/* --- connections --- */

static void wait_for(const struct load *load, const struct client *c)
{
    struct pollfd ready = {.fd = c->fd, .events = POLLIN};

    if (poll(&ready, 1, stall_ms(load)) == 0)
        fail("nothing came back for too long", c->index);
}

/* There and back: now the server has accepted it, and has done all that it had to do before. */
static void echo_once(struct load *load, struct client *c)
{
    uint64_t end = c->received + load->size;

    begin(load, c, c->received / load->size, 1, now_ns());
    while (c->received < end) {
        wait_for(load, c);
        receive(load, c, now_ns());
        send_owed(c);
    }
}

static void connect_client(const struct load *load, struct client *c)
{
    struct sockaddr_in server = {.sin_family = AF_INET,
                                 .sin_port = htons((uint16_t)load->options.port),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct linger reset = {.l_onoff = 1}; /* no TIME_WAIT, which would use up the ports */
    int yes = 1;

    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&server, sizeof server) < 0 ||
        setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes) < 0 ||
        setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset) < 0 ||
        fcntl(c->fd, F_SETFL, O_NONBLOCK) < 0)
        fail(strerror(errno), c->index);
}

static void watch(const struct load *load, struct client *c)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c};

    if (epoll_ctl(load->epoll, EPOLL_CTL_ADD, c->fd, &event) < 0)
        fail(strerror(errno), c->index);
}

/* All connections, with one echo each. */
static void open_all(struct load *load)
{
    long active = load->options.connections, all = active + load->options.idle;

    load->stopping = true; /* no more than this one */
    for (long i = 0; i < all; i++) {
        struct client *c = &load->clients[i];
        c->index = (uint32_t)i;
        connect_client(load, c);
        echo_once(load, c);
        if (i < active)
            watch(load, c);
    }
    load->stopping = false;
}

/* An idle connection is still there, and nothing came. */
static void check_idle(struct load *load)
{
    for (long i = 0; i < load->options.idle; i++) {
        struct client *c = &load->clients[load->options.connections + i];
        if (receive(load, c, 0))
            fail("more came back than was sent", c->index);
    }
}

/* The server is done with all of them when a new one gets its echo. */
static void close_all(struct load *load)
{
    long all = load->options.connections + load->options.idle;
    struct client *last = &load->clients[all];

    for (long i = 0; i < all; i++)
        close(load->clients[i].fd);
    last->index = (uint32_t)all;
    connect_client(load, last);
    echo_once(load, last);
    close(last->fd);
}

/* --- the measurement --- */

/* How long this processor had nothing to do so far: proc(5), stat, where fields count ticks. */
static double idle_seconds(void)
{
    int cpu = sched_getcpu(), line_cpu;
    unsigned long long idle;
    char line[512];
    FILE *file = fopen("/proc/stat", "re");
    double seconds = 0;

    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (sscanf(line, "cpu%d %*u %*u %*u %llu", &line_cpu, &idle) == 2 && line_cpu == cpu)
            seconds = (double)idle / (double)sysconf(_SC_CLK_TCK);
    if (file != NULL)
        fclose(file);
    return seconds;
}

static void run_for(struct load *load, double seconds)
{
    int64_t end = now_ns() + (int64_t)(seconds * NS_PER_S);

    while (now_ns() < end)
        turn(load);
}

/* Until every first request is back at least. */
static void warm_up(struct load *load)
{
    size_t active = (size_t)load->options.connections;
    int64_t now = now_ns();

    load->answered = 0;
    for (size_t i = 0; i < active; i++)
        begin(load, &load->clients[i], 1, load->depth, now);
    run_for(load, load->options.warmup);
    while (load->answered < active * load->depth)
        turn(load);
}

static void measure(struct load *load)
{
    double idle = idle_seconds();
    double cpu = cpu_seconds(getpid()), server_cpu = cpu_seconds(load->options.pid);
    int64_t began_ns = now_ns();

    load->counting = true;
    run_for(load, load->options.seconds);
    load->counting = false;
    load->seconds = (double)(now_ns() - began_ns) / NS_PER_S;
    load->cpu = cpu_seconds(getpid()) - cpu;
    load->server_cpu = cpu_seconds(load->options.pid) - server_cpu;
    load->idle = idle_seconds() - idle;
}

/* What is still on its way comes back, and is looked at too. */
static void finish(struct load *load)
{
    load->stopping = true;
    while (load->on_their_way > 0)
        turn(load);
    check_idle(load);
    close_all(load);
}

static void print_result(const struct load *load)
{
    printf("{\"requests_per_s\": %.1f, \"p50_us\": %.2f, \"p99_us\": %.2f, \"requests\": %llu, "
           "\"seconds\": %.6f, \"cpu_s\": %.6f, \"server_cpu_s\": %.6f, \"idle_s\": %.2f, "
           "\"errors\": 0}\n",
           (double)load->counted / load->seconds,
           (double)histogram_quantile(&load->latency, 0.50) / 1e3,
           (double)histogram_quantile(&load->latency, 0.99) / 1e3,
           (unsigned long long)load->counted, load->seconds, load->cpu, load->server_cpu,
           load->idle);
}

/* --- all of it --- */

/* One client more than there are connections: see close_all. */
static bool prepare(struct load *load)
{
    size_t clients = (size_t)load->options.connections + (size_t)load->options.idle + 1;

    load->size = (size_t)load->options.size;
    load->depth = (size_t)load->options.depth;
    load->clients = calloc(clients, sizeof *load->clients);
    load->times = calloc(clients * load->depth, sizeof *load->times);
    load->epoll = epoll_create1(EPOLL_CLOEXEC);
    pattern_init();
    return load->clients != NULL && load->times != NULL && load->epoll >= 0;
}

int main(int argc, char **argv)
{
    static struct load load = {
        .options = {
            .connections = 1, .size = 64, .depth = 1, .seconds = 1, .warmup = 0.1, .stall = 10}};

    if (!parse_options(argc, argv, &load.options))
        return usage();
    if (!prepare(&load)) {
        perror("load");
        return EXIT_FAILURE;
    }
    open_all(&load);
    warm_up(&load);
    measure(&load);
    finish(&load);
    print_result(&load);
    free(load.clients);
    free(load.times);
    return EXIT_SUCCESS;
}
