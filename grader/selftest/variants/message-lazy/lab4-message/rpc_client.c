/* rpc_client.c - calls the procedures of rpc.h, and prints each result when it comes.
 *
 *     rpc_client localhost 12345 multiply 3 4             12
 *     rpc_client localhost 12345 delay 500 quorem 7 2     3 1, and half a second later: 500 ms
 *
 * All calls are put into one block, and poll(2) tells when to send of it, when to receive, and when
 * it is too late.  A request's id is its place on the command line, from 1. */
#include "bytes.h"
#include "net.h"
#include "rpc.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MOST_ARGUMENTS = 2, ID_SIZE = 4, STATUS_SIZE = 1, MOST_TIMEOUT_MS = 3600 * 1000 };
enum { LARGEST_CALL = MESSAGE_HEADER_SIZE + ID_SIZE + 4 * MOST_ARGUMENTS, FIRST_ROOM = 4096 };

struct call {
    const struct procedure *procedure;
    int64_t arguments[MOST_ARGUMENTS];
    bool is_done;
};

struct procedure {
    const char *name;
    uint32_t call_id;
    int count; /* of arguments, from least to most */
    int64_t least, most;
    size_t results_size;
    void (*print)(const struct call *call, const uint8_t *results);
};

struct client {
    int fd;
    int64_t timeout_ms, deadline_ms;
    struct call *calls;
    size_t call_count, waiting;
    uint8_t *out, *in;
    size_t out_len, sent, in_len, in_room;
    bool has_failed; /* so the exit status is 1 */
};

static void print_product(const struct call *call, const uint8_t *results)
{
    (void)call;
    printf("%" PRId64 "\n", (int64_t)get_u64(results));
}

static void print_quotient(const struct call *call, const uint8_t *results)
{
    (void)call;
    printf("%" PRId32 " %" PRId32 "\n", get_i32(results), get_i32(results + 4));
}

static void print_delay(const struct call *call, const uint8_t *results)
{
    (void)results;
    printf("%" PRId64 " ms\n", call->arguments[0]);
}

static const struct procedure procedures[] = {
    {"multiply", RPC_MULTIPLY, 2, INT32_MIN, INT32_MAX, 8, print_product},
    {"quorem", RPC_QUO_REM, 2, INT32_MIN, INT32_MAX, 8, print_quotient},
    {"delay", RPC_DELAY, 1, 0, UINT32_MAX, 0, print_delay},
};

/* --- the command line --- */

static int usage(void)
{
    fprintf(stderr, "usage: rpc_client [--timeout MS] HOST PORT "
                    "{multiply A B | quorem A B | delay MS}...\n");
    return 2;
}

static bool parse_number(const char *text, int64_t least, int64_t most, int64_t *number)
{
    const char *digits = text[0] == '-' ? text + 1 : text;

    if (digits[0] == '\0' || digits[strspn(digits, "0123456789")] != '\0')
        return false;
    errno = 0;
    *number = strtoll(text, NULL, 10);
    return errno == 0 && *number >= least && *number <= most;
}

/* The words of one call; NULL: they are none.  Returns what follows. */
static char **parse_call(char **words, struct call *call)
{
    const struct procedure *p = procedures, *end = p + sizeof procedures / sizeof procedures[0];

    while (p < end && strcmp(p->name, words[0]) != 0)
        p++;
    if (p == end)
        return NULL;
    call->procedure = p;
    for (int i = 0; i < p->count; i++)
        if (words[1 + i] == NULL ||
            !parse_number(words[1 + i], p->least, p->most, &call->arguments[i]))
            return NULL;
    return words + 1 + p->count;
}

/* '+': options end at HOST, and "-3" is none.  words is what follows PORT; argv ends with NULL. */
static bool parse_options(struct client *c, int argc, char **argv, char ***host)
{
    static const struct option known[] = {{"timeout", required_argument, NULL, 't'}, {0}};
    int option;

    while ((option = getopt_long(argc, argv, "+", known, NULL)) != -1)
        if (option != 't' || !parse_number(optarg, 1, MOST_TIMEOUT_MS, &c->timeout_ms))
            return false;
    if (argc - optind < 3 || net_parse_port(argv[optind + 1]) < 1)
        return false;
    *host = argv + optind;
    for (char **words = *host + 2; *words != NULL; c->call_count++)
        if ((words = parse_call(words, &c->calls[c->call_count])) == NULL)
            return false;
    return true;
}

/* --- calls out --- */

static uint8_t *put_call(uint8_t *out, const struct call *call, uint32_t request_id)
{
    out = put_u32(out, call->procedure->call_id);
    out = put_u32(out, ID_SIZE + 4 * (uint32_t)call->procedure->count);
    out = put_u32(out, request_id);
    for (int i = 0; i < call->procedure->count; i++)
        out = put_u32(out, (uint32_t)call->arguments[i]);
    return out;
}

static bool put_calls(struct client *c)
{
    c->out = malloc(c->call_count * LARGEST_CALL);
    if (c->out == NULL)
        return false;
    uint8_t *out = c->out;
    for (size_t i = 0; i < c->call_count; i++)
        out = put_call(out, &c->calls[i], (uint32_t)i + 1);
    c->out_len = (size_t)(out - c->out);
    return true;
}

/* After an error there is nothing to send any more, but maybe something to read. */
static void send_some(struct client *c)
{
    ssize_t n = send(c->fd, c->out + c->sent, c->out_len - c->sent, MSG_NOSIGNAL);

    if (n >= 0)
        c->sent += (size_t)n;
    else if (errno != EAGAIN && errno != EINTR)
        c->sent = c->out_len;
}

/* --- replies in --- */

static void complain(struct client *c, const uint8_t *text, size_t len)
{
    fwrite(text, 1, len, stderr);
    fputc('\n', stderr);
    c->has_failed = true;
}

static void end_waiting(struct client *c, const char *why)
{
    for (size_t i = 0; i < c->call_count; i++)
        if (!c->calls[i].is_done)
            complain(c, (const uint8_t *)why, strlen(why));
    c->waiting = 0;
}

/* len bytes of results or text.  False: malformed. */
static bool end_call(struct client *c, struct call *call, uint8_t status, const uint8_t *data,
                     size_t len)
{
    static const char unknown[] = "unknown procedure";

    if (status == RPC_FINE && len == call->procedure->results_size)
        call->procedure->print(call, data);
    else if (status == RPC_FAILED)
        complain(c, data, len);
    else if (status == RPC_UNKNOWN_PROCEDURE && len == 0)
        complain(c, (const uint8_t *)unknown, strlen(unknown));
    else
        return false;
    fflush(stdout);
    call->is_done = true;
    c->waiting--;
    return true;
}

/* A reply that nobody waits for is dropped. */
static bool take_payload(struct client *c, uint32_t call_id, const uint8_t *payload, size_t len)
{
    uint32_t place = get_u32(payload) - 1; /* UINT32_MAX for id 0 */
    uint8_t status = payload[ID_SIZE];

    if (status > RPC_UNKNOWN_PROCEDURE)
        return false;
    if (place >= c->call_count || c->calls[place].is_done)
        return true;
    return call_id == c->calls[place].procedure->call_id &&
           end_call(c, &c->calls[place], status, payload + ID_SIZE + STATUS_SIZE,
                    len - ID_SIZE - STATUS_SIZE);
}

/* All that have come.  False: malformed. */
static bool take_replies(struct client *c)
{
    const uint8_t *next = c->in;
    size_t left = c->in_len;

    while (left >= MESSAGE_HEADER_SIZE) {
        uint32_t call_id = get_u32(next), size = get_u32(next + 4);
        if (call_id < RPC_FIRST_CALL_ID || size < ID_SIZE + STATUS_SIZE ||
            size > MESSAGE_LARGEST_PAYLOAD)
            return false;
        if (left - MESSAGE_HEADER_SIZE < size)
            break;
        if (!take_payload(c, call_id, next + MESSAGE_HEADER_SIZE, size))
            return false;
        next += MESSAGE_HEADER_SIZE + size;
        left -= MESSAGE_HEADER_SIZE + size;
    }
    memmove(c->in, next, left);
    c->in_len = left;
    return true;
}

static bool make_room(struct client *c)
{
    if (c->in_len < c->in_room)
        return true;
    size_t room = c->in_room == 0 ? FIRST_ROOM : 2 * c->in_room;
    uint8_t *in = realloc(c->in, room);
    if (in == NULL)
        return false;
    c->in = in;
    c->in_room = room;
    return true;
}

static void receive(struct client *c)
{
    if (!make_room(c)) {
        end_waiting(c, "out of memory");
        return;
    }
    ssize_t n = net_read(c->fd, c->in + c->in_len, c->in_room - c->in_len);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0) {
        end_waiting(c, "connection lost");
        return;
    }
    c->in_len += (size_t)n;
    if (!take_replies(c))
        end_waiting(c, "malformed reply");
}

/* --- both --- */

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

static void turn(struct client *c)
{
    struct pollfd ready = {.fd = c->fd, .events = POLLIN};
    int64_t left_ms = c->deadline_ms - now_ms();

    if (left_ms <= 0) {
        end_waiting(c, "timeout");
        return;
    }
    if (c->sent < c->out_len)
        ready.events |= POLLOUT;
    if (poll(&ready, 1, (int)left_ms) <= 0)
        return;
    if ((ready.revents & POLLOUT) != 0)
        send_some(c);
    if ((ready.revents & ~POLLOUT) != 0)
        receive(c);
}

static int fail(const char *what)
{
    perror(what);
    return EXIT_FAILURE;
}

static int run(struct client *c, char **host)
{
    if (!put_calls(c))
        return fail("calls");
    c->fd = net_connect(host[0], host[1], SOCK_STREAM);
    if (c->fd < 0 || fcntl(c->fd, F_SETFL, O_NONBLOCK) < 0)
        return fail("connect");
    c->deadline_ms = now_ms() + c->timeout_ms + 1; /* now_ms rounds down */
    c->waiting = c->call_count;
    while (c->waiting > 0)
        turn(c);
    close(c->fd);
    return c->has_failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    struct client client = {.timeout_ms = 5000};
    char **host;

    client.calls = calloc((size_t)argc, sizeof *client.calls);
    if (client.calls == NULL)
        return fail("calls");
    int status = parse_options(&client, argc, argv, &host) ? run(&client, host) : usage();
    free(client.calls);
    free(client.out);
    free(client.in);
    return status;
}
