/* kv_client.c - sends commands to a server of RESP, and shows its replies.
 *
 *     kv_client HOST PORT WORD...    one command: exit status 0, or 1 where the reply is an error
 *     kv_client HOST PORT            each line of standard input is a command
 *
 * A person at a terminal gets the reply to each line before the next.  Any other input is sent
 * without waiting, by a thread of its own: a client that sent all before it read anything would
 * come to a stop with its server, each waiting for the other to read.  The end of input is told to
 * the server, which owes a half-closed client its replies, and then closes. */
#include "net.h"
#include "show.h"
#include "words.h"

#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ_SIZE = 64 * 1024 };

struct options {
    const char *host, *port;
    char **words;
    size_t count;
    bool is_resp2;
};

/* What came and was not shown so far is data[start] to data[end - 1]. */
struct input {
    uint8_t *data;
    size_t start, end, capacity;
};

struct client {
    int fd;
    struct input input;
    struct resp_parser *parser;   /* one of */
    struct resp2_parser *parser2; /* the two */
    size_t shown;                 /* replies */
    atomic_size_t sent;           /* commands */
    atomic_bool has_sent_all;
    atomic_bool has_skipped; /* a line that is no command */
};

static int usage(void)
{
    fprintf(stderr, "usage: kv_client [--resp2] HOST PORT [WORD...]\n");
    return 2;
}

static bool parse_options(int argc, char **argv, struct options *options)
{
    static const struct option known[] = {{"resp2", no_argument, NULL, 'r'}, {0}};
    int c;

    /* "+": words that look like options are the command's. */
    while ((c = getopt_long(argc, argv, "+", known, NULL)) != -1) {
        if (c != 'r')
            return false;
        options->is_resp2 = true;
    }
    if (argc - optind < 2 || net_parse_port(argv[optind + 1]) < 1)
        return false;
    options->host = argv[optind];
    options->port = argv[optind + 1];
    options->words = argv + optind + 2;
    options->count = (size_t)(argc - optind - 2);
    return true;
}

static int fail(const char *what)
{
    fprintf(stderr, "kv_client: %s: %s\n", what, strerror(errno));
    return EXIT_FAILURE;
}

/* --- commands out --- */

static int send_command(struct client *client, const struct resp_word *words, size_t count)
{
    size_t size = resp_write_array(NULL, 0, words, count);
    uint8_t *bytes = malloc(size);

    if (bytes == NULL)
        return -1;
    resp_write_array(bytes, size, words, count);
    atomic_fetch_add(&client->sent, 1); /* before the reply can come */
    int result = net_write_all(client->fd, bytes, size);
    int error = errno;
    free(bytes);
    errno = error;
    return result;
}

/* Reads a line and splits it; one that is empty, or is no command, has no words.  False at the end
 * of input. */
static bool read_command(struct client *client, struct words *words)
{
    static char *line; /* getline(3) keeps it for the next one */
    static size_t capacity;
    ssize_t len = getline(&line, &capacity, stdin);

    if (len < 0)
        return false;
    if (words_split(words, (const uint8_t *)line, (size_t)len) == 0)
        return true;
    fprintf(stderr, "kv_client: %s: %s", errno == EINVAL ? "unbalanced quotes" : strerror(errno),
            line);
    atomic_store(&client->has_skipped, true);
    words->count = 0;
    return true;
}

/* A thread's.  An error is left to the receiver, which finds that the connection ended too soon. */
static void *send_input(void *argument)
{
    struct client *client = argument;
    struct words words = {0};
    int result = 0;

    while (result == 0 && read_command(client, &words))
        if (words.count > 0)
            result = send_command(client, words.words, words.count);
    words_free(&words);
    atomic_store(&client->has_sent_all, result == 0 && feof(stdin));
    shutdown(client->fd, SHUT_WR);
    return NULL;
}

/* --- replies in --- */

static int reserve(struct input *input)
{
    size_t len = input->end - input->start;

    if (input->capacity - input->end >= READ_SIZE)
        return 0;
    if (input->start > input->capacity / 2) {
        memmove(input->data, input->data + input->start, len);
        input->start = 0;
        input->end = len;
        return 0;
    }
    size_t capacity = 2 * (input->capacity + READ_SIZE);
    uint8_t *data = realloc(input->data, capacity);
    if (data == NULL)
        return -1;
    input->data = data;
    input->capacity = capacity;
    return 0;
}

/* Reads more; what was shown so far is seen before that may take long.  1; 0 at the end; -1. */
static int fill(struct client *client)
{
    struct input *input = &client->input;

    if (fflush(stdout) == EOF || reserve(input) < 0)
        return -1;
    ssize_t n = net_read(client->fd, input->data + input->end, READ_SIZE);
    if (n > 0)
        input->end += (size_t)n;
    return n > 0 ? 1 : (int)n;
}

static enum resp_result show_plain(struct client *client, const uint8_t *data, size_t len,
                                   size_t *size, bool *is_error)
{
    struct resp_reply reply;
    enum resp_result result = resp_parse_reply(client->parser, data, len, &reply);

    if (result != RESP_DONE)
        return result;
    show_reply(stdout, &reply);
    *size = reply.size;
    *is_error = reply.type == RESP_FAILURE;
    return result;
}

static enum resp_result show_resp2(struct client *client, const uint8_t *data, size_t len,
                                   size_t *size, bool *is_error)
{
    struct resp2_reply reply;
    enum resp_result result = resp2_parse_reply(client->parser2, data, len, &reply);

    if (result != RESP_DONE)
        return result;
    show_reply2(stdout, &reply);
    *size = reply.size;
    *is_error = reply.values[0].type == RESP_FAILURE;
    return result;
}

/* Shows the next reply, when all of it has come.  1; 0 at the end of replies; -1 with errno. */
static int show_next(struct client *client, bool *is_error)
{
    struct input *input = &client->input;

    for (;;) {
        const uint8_t *data = input->data + input->start;
        size_t len = input->end - input->start, size = 0;
        enum resp_result result = client->parser2 != NULL
                                      ? show_resp2(client, data, len, &size, is_error)
                                      : show_plain(client, data, len, &size, is_error);
        if (result == RESP_DONE) {
            input->start += size;
            client->shown++;
            return 1;
        }
        if (result != RESP_MORE) {
            errno = result == RESP_ERROR ? EPROTO : ENOMEM;
            return -1;
        }
        int more = fill(client);
        if (more <= 0)
            return more;
    }
}

/* --- the three ways to use it; each returns the exit status --- */

static int closed_early(struct client *client)
{
    fflush(stdout);
    fprintf(stderr,
            "kv_client: the server closed the connection too early: %zu commands, %zu replies\n",
            atomic_load(&client->sent), client->shown);
    return EXIT_FAILURE;
}

/* Sends one command and shows its reply.  -1: goes on; else the exit status. */
static int ask(struct client *client, const struct resp_word *words, size_t count, bool *is_error)
{
    if (send_command(client, words, count) < 0)
        return errno == EPIPE || errno == ECONNRESET ? closed_early(client) : fail("send");
    int shown = show_next(client, is_error);
    if (shown < 0)
        return errno == ECONNRESET ? closed_early(client) : fail("receive");
    return shown == 0 ? closed_early(client) : -1;
}

static int run_once(struct client *client, const struct options *options)
{
    struct resp_word *words = calloc(options->count, sizeof *words);
    bool is_error = false;

    if (words == NULL)
        return fail("words");
    for (size_t i = 0; i < options->count; i++)
        words[i] = (struct resp_word){(uint8_t *)options->words[i], strlen(options->words[i])};
    int status = ask(client, words, options->count, &is_error);
    free(words);
    return status >= 0 ? status : is_error;
}

static int run_at_terminal(struct client *client, const struct options *options)
{
    struct words words = {0};
    int status = -1;
    bool is_error;

    while (status < 0) {
        printf("%s:%s> ", options->host, options->port);
        fflush(stdout);
        if (!read_command(client, &words))
            status = EXIT_SUCCESS;
        else if (words.count > 0)
            status = ask(client, words.words, words.count, &is_error);
    }
    words_free(&words);
    return status;
}

static int run_piped(struct client *client)
{
    pthread_t sender;
    bool is_error;
    int shown;

    errno = pthread_create(&sender, NULL, send_input, client);
    if (errno != 0)
        return fail("thread");
    pthread_detach(sender); /* nobody waits for it: its input may never end */
    do
        shown = show_next(client, &is_error);
    while (shown > 0);
    if (shown < 0 && errno != ECONNRESET)
        return fail("receive");
    if (!atomic_load(&client->has_sent_all) || client->shown < atomic_load(&client->sent))
        return closed_early(client);
    return atomic_load(&client->has_skipped) ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int run(struct client *client, const struct options *options)
{
    if (options->count > 0)
        return run_once(client, options);
    return isatty(STDIN_FILENO) ? run_at_terminal(client, options) : run_piped(client);
}

int main(int argc, char **argv)
{
    /* Static, since the sender may still run while main returns. */
    static struct client client;
    struct options options = {0};

    if (!parse_options(argc, argv, &options))
        return usage();
    signal(SIGPIPE, SIG_IGN); /* a write to a server that left shall fail, not kill */
    if (options.is_resp2)
        client.parser2 = resp2_parser_new();
    else
        client.parser = resp_parser_new();
    if (client.parser == NULL && client.parser2 == NULL)
        return fail("parser");
    client.fd = net_connect(options.host, options.port, SOCK_STREAM);
    if (client.fd < 0)
        return fail("connect");
    int status = run(&client, &options);
    if (fflush(stdout) == EOF && status == EXIT_SUCCESS)
        return fail("output");
    return status;
}
