/* kv_client.c - sends commands to a server of RESP, and shows its replies.
 *
 *     kv_client HOST PORT WORD...    one command: exit status 0, or 1 where the reply is an error
 *     kv_client HOST PORT            each line of standard input is a command
 *
 * A person at a terminal gets the reply to each line before the next.  Any other input is sent
 * without waiting for replies.  What happens where a client sends all before it reads anything?
 * And how does it know that all replies have come? */
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
};

/* What came and was not shown so far is data[start] to data[end - 1]. */
struct input {
    uint8_t *data;
    size_t start, end, capacity;
};

struct client {
    int fd;
    struct input input;
    struct resp_parser *parser;
    size_t shown;       /* replies */
    atomic_size_t sent; /* commands */
    atomic_bool has_sent_all;
    atomic_bool has_skipped; /* a line that is no command */
};

static int usage(void)
{
    fprintf(stderr, "usage: kv_client HOST PORT [WORD...]\n");
    return 2;
}

/* Stage 3.15: --resp2. */
static bool parse_options(int argc, char **argv, struct options *options)
{
    static const struct option known[] = {{0}};

    /* "+": words that look like options are the command's. */
    if (getopt_long(argc, argv, "+", known, NULL) != -1)
        return false;
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

/* Stage 3.14: resp_write_array, and net_write_all.  -1 with errno. */
static int send_command(struct client *client, const struct resp_word *words, size_t count)
{
    (void)client;
    (void)words;
    (void)count;
    /* Your code here. */
    errno = ENOSYS;
    return -1;
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

/* Stage 3.14: a thread's.  Who hears of the end of input, and how: shutdown(2)? */
static void *send_input(void *argument)
{
    (void)argument;
    (void)read_command;
    (void)send_command;
    /* Your code here. */
    return NULL;
}

/* --- replies in --- */

/* Stage 3.14: reads more, behind what is there.  Replies may be large: room is made, but no byte is
 * moved too often.  1; 0 at the end; -1 with errno. */
static int fill(struct client *client)
{
    (void)client;
    /* Your code here. */
    errno = ENOSYS;
    return -1;
}

/* Stage 3.14: shows the next reply, when all of it has come: resp_parse_reply, show_reply.  1; 0 at
 * the end of replies; -1 with errno. */
static int show_next(struct client *client, bool *is_error)
{
    (void)client;
    (void)fill;
    *is_error = false;
    /* Your code here. */
    errno = ENOSYS;
    return -1;
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

/* Stage 3.14. */
static int run_once(struct client *client, const struct options *options)
{
    (void)options;
    (void)ask;
    /* Your code here. */
    errno = ENOSYS;
    (void)client;
    return fail("command");
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

/* Stage 3.14: pthread_create(3).  When was all sent, and all answered? */
static int run_piped(struct client *client)
{
    (void)client;
    (void)send_input;
    /* Your code here. */
    errno = ENOSYS;
    return fail("input");
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
    /* Stage 1.8, again.  Your code here. */

    client.parser = resp_parser_new();
    if (client.parser == NULL)
        return fail("parser");
    client.fd = net_connect(options.host, options.port, SOCK_STREAM);
    if (client.fd < 0)
        return fail("connect");
    int status = run(&client, &options);
    if (fflush(stdout) == EOF && status == EXIT_SUCCESS)
        return fail("output");
    return status;
}
