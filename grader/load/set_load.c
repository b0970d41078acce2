/* set_load.c - clients that set keys of a store, each with one request at a time.
 *
 *     set_load resp|etcd PORT CLIENTS SECONDS WARMUP [PID...]
 *
 * Keys are chosen by chance among KEYS.  Prints one JSON object: requests a second, latencies, the
 * CPU time of this program, and of the processes with these ids together.  Exit status 1, with a
 * line on stderr, if a reply was no success, a connection ended, or nothing came for STALL_MS; 2
 * for wrong arguments. */
#include "set_load.h"

#include "clock.h"
#include "histogram.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { KEYS = 100000, MOST_CLIENTS = 4096, MOST_EVENTS = 512, STALL_MS = 10000 };

struct set_load {
    const struct set_protocol *protocol;
    struct set_client *clients;
    size_t count, waiting; /* waiting: how many wait for a reply */
    int epoll;
    uint32_t random;
    bool is_counting, is_ending; /* the warm-up is over; no new requests */
    struct histogram latency;
};

noreturn void fail(const char *words)
{
    fprintf(stderr, "set_load: %s\n", words);
    exit(EXIT_FAILURE);
}

void put(struct set_client *c, const void *data, size_t size)
{
    if (size > sizeof c->out - c->out_size)
        fail("the server makes it say too much at once");
    memcpy(c->out + c->out_size, data, size);
    c->out_size += size;
}

void drop(struct set_client *c, size_t size)
{
    c->in_size -= size;
    memmove(c->in, c->in + size, c->in_size);
}

/* There is room in the kernel for the little that a client has on its way. */
static void send_out(struct set_client *c)
{
    if (c->out_size > 0 && send(c->fd, c->out, c->out_size, MSG_NOSIGNAL) != (ssize_t)c->out_size)
        fail("a request can't be sent");
    c->out_size = 0;
}

/* xorshift32: Marsaglia, "Xorshift RNGs", 2003. */
static uint32_t draw(struct set_load *load)
{
    load->random ^= load->random << 13;
    load->random ^= load->random >> 17;
    load->random ^= load->random << 5;
    return load->random;
}

static void ask(struct set_load *load, struct set_client *c)
{
    static const char value[VALUE_SIZE + 1] = "0123456789abcdef0123456789abcdef";
    char key[KEY_SIZE + 1];

    snprintf(key, sizeof key, "key:%012u", draw(load) % KEYS);
    load->protocol->ask(c, key, value);
    load->waiting++;
    c->began = now_ns();
}

/* Several replies can't have come: there was one request. */
static void serve(struct set_load *load, struct set_client *c)
{
    ssize_t n = recv(c->fd, c->in + c->in_size, sizeof c->in - c->in_size, MSG_DONTWAIT);

    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0)
        fail(n == 0 ? "the server closed a connection" : strerror(errno));
    c->in_size += (size_t)n;
    if (load->protocol->take(c)) {
        if (load->is_counting)
            histogram_add(&load->latency, (uint64_t)(now_ns() - c->began));
        load->waiting--;
        if (!load->is_ending)
            ask(load, c);
    }
    send_out(c);
}

/* All that is ready now, or soon. */
static void turn(struct set_load *load)
{
    struct epoll_event events[MOST_EVENTS];
    int count = epoll_wait(load->epoll, events, MOST_EVENTS, STALL_MS);

    if (count == 0)
        fail("nothing came back for too long");
    for (int i = 0; i < count; i++)
        serve(load, events[i].data.ptr);
}

static void run_for(struct set_load *load, double seconds)
{
    int64_t end = now_ns() + (int64_t)(seconds * NS_PER_S);

    while (now_ns() < end)
        turn(load);
}

static void open_client(struct set_load *load, struct set_client *c, int port)
{
    struct sockaddr_in server = {.sin_family = AF_INET,
                                 .sin_port = htons((uint16_t)port),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    int yes = 1;

    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&server, sizeof server) < 0 ||
        setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes) < 0 ||
        epoll_ctl(load->epoll, EPOLL_CTL_ADD, c->fd, &event) < 0)
        fail(strerror(errno));
    load->protocol->greet(c);
    ask(load, c);
    send_out(c);
}

static double cpu_of_all(char **pids)
{
    double seconds = 0;

    for (; *pids != NULL; pids++)
        seconds += cpu_seconds(strtol(*pids, NULL, 10));
    return seconds;
}

/* At least one request, however long that takes. */
static void measure(struct set_load *load, double seconds, char **pids)
{
    double servers = cpu_of_all(pids), own = cpu_seconds(getpid());
    int64_t began = now_ns();

    load->is_counting = true;
    run_for(load, seconds);
    while (load->latency.total == 0)
        turn(load);
    load->is_counting = false;
    double took = (double)(now_ns() - began) / NS_PER_S;
    printf("{\"per_s\": %.1f, \"p50_us\": %.2f, \"p99_us\": %.2f, \"requests\": %llu, "
           "\"seconds\": %.6f, \"cpu_s\": %.6f, \"servers_cpu_s\": %.6f}\n",
           (double)load->latency.total / took,
           (double)histogram_quantile(&load->latency, 0.50) / 1e3,
           (double)histogram_quantile(&load->latency, 0.99) / 1e3,
           (unsigned long long)load->latency.total, took, cpu_seconds(getpid()) - own,
           cpu_of_all(pids) - servers);
}

int main(int argc, char **argv)
{
    static struct set_load load = {.random = 2463534242};
    long port = argc > 5 ? strtol(argv[2], NULL, 10) : 0;
    long count = argc > 5 ? strtol(argv[3], NULL, 10) : 0;
    bool is_etcd = argc > 5 && strcmp(argv[1], "etcd") == 0;

    if (port < 1 || port > 65535 || count < 1 || count > MOST_CLIENTS ||
        (!is_etcd && strcmp(argv[1], "resp") != 0)) {
        fprintf(stderr, "usage: set_load resp|etcd PORT CLIENTS SECONDS WARMUP [PID...]\n");
        return 2;
    }
    load.protocol = is_etcd ? &set_etcd : &set_resp;
    load.clients = calloc((size_t)count, sizeof *load.clients);
    load.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (load.clients == NULL || load.epoll < 0)
        fail(strerror(errno));
    for (long i = 0; i < count; i++)
        open_client(&load, &load.clients[i], (int)port);
    run_for(&load, strtod(argv[5], NULL));
    measure(&load, strtod(argv[4], NULL), argv + 6);
    load.is_ending = true;
    while (load.waiting > 0)
        turn(&load);
    free(load.clients);
    return EXIT_SUCCESS;
}
