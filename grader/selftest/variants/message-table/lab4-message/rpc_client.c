/* rpc_client.c - calls the procedures of rpc.h, and prints each result when it comes.
 *
 *     rpc_client localhost 12345 multiply 3 4             12
 *     rpc_client localhost 12345 delay 500 quorem 7 2     3 1, and half a second later: 500 ms
 *
 * Several calls are sent at once.  Exit status 1, and a line on standard error, if one fails. */
#include "bytes.h"
#include "net.h"
#include "rpc_call.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST_ARGUMENTS = 2, ARGUMENT_SIZE = 4, MOST_TIMEOUT_MS = 3600 * 1000 };

struct call;

/* A procedure's arguments: how many, and from where to where. */
struct procedure {
    const char *name;
    uint32_t call_id;
    int count;
    int64_t least, most;
    size_t results_size;
    void (*print)(const struct call *call, const uint8_t *results);
};

struct call {
    const struct procedure *procedure;
    int64_t arguments[MOST_ARGUMENTS];
};

struct options {
    const char *host, *port;
    int64_t timeout_ms;
    struct call *calls;
    int count;
};

static struct loop *loop;
static int unanswered;
static int exit_status = EXIT_SUCCESS;

static void print_product(const struct call *call, const uint8_t *results)
{
    (void)call;
    uint64_t product = (uint64_t)get_u32(results + 4) << 32 | get_u32(results);
    printf("%" PRId64 "\n", (int64_t)product);
}

static void print_quotient(const struct call *call, const uint8_t *results)
{
    (void)call;
    printf("%" PRId32 " %" PRId32 "\n", (int32_t)get_u32(results), (int32_t)get_u32(results + 4));
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

static int usage(void)
{
    fprintf(stderr, "usage: rpc_client [--timeout MS] HOST PORT "
                    "{multiply A B | quorem A B | delay MS}...\n");
    return 2;
}

/* Decimal digits, maybe after a '-'. */
static bool parse_number(const char *text, int64_t least, int64_t most, int64_t *number)
{
    size_t sign = text[0] == '-' ? 1 : 0;
    size_t digits = strspn(text + sign, "0123456789");

    if (digits == 0 || text[sign + digits] != '\0')
        return false;
    errno = 0;
    *number = strtoll(text, NULL, 10);
    return errno == 0 && *number >= least && *number <= most;
}

static const struct procedure *find_procedure(const char *name)
{
    for (size_t i = 0; i < sizeof procedures / sizeof procedures[0]; i++)
        if (strcmp(procedures[i].name, name) == 0)
            return &procedures[i];
    return NULL;
}

/* The call that words begin with; how many of them it takes, or -1. */
static int parse_call(char **words, int count, struct call *call)
{
    const struct procedure *procedure = find_procedure(words[0]);

    if (procedure == NULL || count < 1 + procedure->count)
        return -1;
    call->procedure = procedure;
    for (int i = 0; i < procedure->count; i++)
        if (!parse_number(words[1 + i], procedure->least, procedure->most, &call->arguments[i]))
            return -1;
    return 1 + procedure->count;
}

static bool parse_calls(char **words, int count, struct options *options)
{
    while (count > 0) {
        int used = parse_call(words, count, &options->calls[options->count]);
        if (used < 0)
            return false;
        words += used;
        count -= used;
        options->count++;
    }
    return options->count > 0;
}

/* '+': options end at HOST, and "-3" is none. */
static bool parse_options(int argc, char **argv, struct options *options)
{
    static const struct option known[] = {
        {"timeout", required_argument, NULL, 't'},
        {0},
    };
    int c;

    while ((c = getopt_long(argc, argv, "+", known, NULL)) != -1)
        if (c != 't' || !parse_number(optarg, 1, MOST_TIMEOUT_MS, &options->timeout_ms))
            return false;
    if (argc - optind < 2 || net_parse_port(argv[optind + 1]) < 1)
        return false;
    options->host = argv[optind];
    options->port = argv[optind + 1];
    return parse_calls(argv + optind + 2, argc - optind - 2, options);
}

static void complain(const char *text, size_t len)
{
    fwrite(text, 1, len, stderr);
    fputc('\n', stderr);
    exit_status = EXIT_FAILURE;
}

static const char *explain(enum rpc_status status)
{
    switch (status) {
    case RPC_UNKNOWN_PROCEDURE: return "unknown procedure";
    case RPC_TIMED_OUT: return "timeout";
    case RPC_LOST: return "connection lost";
    default: return "results of a wrong size";
    }
}

/* Prints results, complains of anything else, and ends the loop with the last one. */
static void take_reply(void *context, const struct rpc_reply *reply)
{
    const struct call *call = context;

    if (reply->status == RPC_FINE && reply->size == call->procedure->results_size) {
        call->procedure->print(call, reply->data);
        fflush(stdout);
    } else if (reply->status == RPC_FAILED && reply->size > 0) {
        complain((const char *)reply->data, reply->size);
    } else {
        const char *text = reply->status == RPC_FAILED ? "failed" : explain(reply->status);
        complain(text, strlen(text));
    }
    if (--unanswered == 0)
        loop_stop(loop);
}

/* Puts the arguments into bytes, and calls. */
static int send_call(struct rpc_client *client, struct call *call, int64_t timeout_ms)
{
    uint8_t arguments[MOST_ARGUMENTS * ARGUMENT_SIZE], *out = arguments;

    for (int i = 0; i < call->procedure->count; i++)
        out = put_u32(out, (uint32_t)call->arguments[i]);
    if (rpc_call(client, call->procedure->call_id, arguments, (size_t)(out - arguments), timeout_ms,
                 take_reply, call) < 0)
        return -1;
    unanswered++;
    return 0;
}

static int fail(const char *what)
{
    perror(what);
    return EXIT_FAILURE;
}

/* Waits for all replies.  -1 with errno. */
static int make_calls(struct rpc_client *client, const struct options *options)
{
    for (int i = 0; i < options->count; i++)
        if (send_call(client, &options->calls[i], options->timeout_ms) < 0)
            return -1;
    return loop_run(loop);
}

static int run(const struct options *options)
{
    int fd = net_connect(options->host, options->port, SOCK_STREAM);

    if (fd < 0)
        return fail("connect");
    struct rpc_client *client = rpc_client_new(loop, fd);
    if (client == NULL) {
        close(fd);
        return fail("connect");
    }
    if (make_calls(client, options) < 0)
        exit_status = fail("call");
    rpc_client_free(client);
    return exit_status;
}

int main(int argc, char **argv)
{
    struct options options = {.timeout_ms = 5000,
                              .calls = calloc((size_t)argc, sizeof(struct call))};
    int status;

    loop = loop_new("epoll");
    if (loop == NULL || options.calls == NULL)
        status = fail("loop");
    else if (!parse_options(argc, argv, &options))
        status = usage();
    else
        status = run(&options);
    if (loop != NULL)
        loop_free(loop);
    free(options.calls);
    return status;
}
