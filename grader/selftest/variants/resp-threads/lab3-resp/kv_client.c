/* kv_client.c - sends commands to a server of RESP, and shows its replies.
 *
 *     kv_client HOST PORT WORD...    one command: exit status 0, or 1 where the reply is an error
 *     kv_client HOST PORT            each line of standard input is a command
 *
 * A thread writes and another one, main's, reads; neither waits for the other, but at a terminal.
 * Whichever of them sees that all was sent and all was answered ends it. */
#include "show.h"
#include "tcp.h"
#include "window.h"
#include "words.h"

#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The counts are under the lock. */
struct client {
    int fd;
    const char *host, *port;
    char **words; /* of the one command, or none */
    size_t count;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    size_t sent, shown;
    bool has_sent_all, has_skipped, last_is_error;
};

static int usage(void)
{
    fprintf(stderr, "usage: kv_client HOST PORT [WORD...]\n");
    return 2;
}

static int fail(const char *what)
{
    fprintf(stderr, "kv_client: %s: %s\n", what, strerror(errno));
    return EXIT_FAILURE;
}

/* --- the writer --- */

static bool send_command(struct client *c, const struct resp_word *words, size_t count)
{
    size_t size = resp_write_array(NULL, 0, words, count);
    uint8_t *bytes = malloc(size);

    if (bytes == NULL)
        return false;
    resp_write_array(bytes, size, words, count);
    pthread_mutex_lock(&c->lock);
    c->sent++; /* first: the reply may be here before tcp_send is */
    pthread_mutex_unlock(&c->lock);
    bool sent = tcp_send(c->fd, bytes, size) == 0;
    free(bytes);
    return sent;
}

static void skip(struct client *c, const char *line)
{
    fprintf(stderr, "kv_client: %s: %s\n", errno == EINVAL ? "unbalanced quotes" : strerror(errno),
            line);
    pthread_mutex_lock(&c->lock);
    c->has_skipped = true;
    pthread_mutex_unlock(&c->lock);
}

/* A person sees the reply to a line before the next. */
static void prompt(struct client *c)
{
    pthread_mutex_lock(&c->lock);
    while (c->shown < c->sent)
        pthread_cond_wait(&c->changed, &c->lock);
    pthread_mutex_unlock(&c->lock);
    printf("%s:%s> ", c->host, c->port);
    fflush(stdout);
}

static ssize_t read_line(struct client *c, char **line, size_t *capacity)
{
    if (isatty(STDIN_FILENO))
        prompt(c);
    return getline(line, capacity, stdin);
}

static bool send_lines(struct client *c)
{
    struct words words = {0};
    char *line = NULL;
    size_t capacity = 0;
    ssize_t len;
    bool fine = true;

    while (fine && (len = read_line(c, &line, &capacity)) >= 0) {
        if (words_split(&words, (const uint8_t *)line, (size_t)len) < 0)
            skip(c, line);
        else if (words.count > 0)
            fine = send_command(c, words.words, words.count);
    }
    words_free(&words);
    free(line);
    return fine;
}

static bool send_arguments(struct client *c)
{
    struct resp_word *words = calloc(c->count, sizeof *words);

    for (size_t i = 0; words != NULL && i < c->count; i++)
        words[i] = (struct resp_word){(const uint8_t *)c->words[i], strlen(c->words[i])};
    bool fine = words != NULL && send_command(c, words, c->count);
    free(words);
    return fine;
}

/* Where it fails to send, the reader finds that replies are missing.  Where the last reply came
 * before this knew that it was the last, the reader has to be woken. */
static void *write_all(void *argument)
{
    struct client *c = argument;
    bool fine = c->count > 0 ? send_arguments(c) : send_lines(c);

    pthread_mutex_lock(&c->lock);
    c->has_sent_all = fine;
    bool ends = fine && c->shown >= c->sent;
    pthread_mutex_unlock(&c->lock);
    (void)shutdown(c->fd, ends ? SHUT_RDWR : SHUT_WR); /* fails where the connection is gone */
    return NULL;
}

/* --- the reader --- */

/* Notes one more reply; whether it was the last. */
static bool is_last(struct client *c, size_t more)
{
    pthread_mutex_lock(&c->lock);
    c->shown += more;
    pthread_cond_signal(&c->changed);
    bool last = c->has_sent_all && c->shown >= c->sent;
    pthread_mutex_unlock(&c->lock);
    return last;
}

/* Reads more, for which a person need not wait to see what there was.  False: that was all. */
static bool fill(struct client *c, struct window *in)
{
    fflush(stdout);
    if (!window_reserve(in, 1))
        return false;
    ssize_t n = tcp_receive(c->fd, in->data + in->end, in->capacity - in->end);
    if (n > 0)
        in->end += (size_t)n;
    return n > 0;
}

static int explain_end(struct client *c)
{
    if (is_last(c, 0))
        return EXIT_SUCCESS;
    pthread_mutex_lock(&c->lock);
    fprintf(stderr, "kv_client: the connection ended too early: %zu commands, %zu replies\n",
            c->sent, c->shown);
    pthread_mutex_unlock(&c->lock);
    return EXIT_FAILURE;
}

static int read_all(struct client *c, struct window *in, struct resp_parser *parser)
{
    struct resp_reply reply;

    for (;;) {
        switch (resp_parse_reply(parser, window_front(in), window_len(in), &reply)) {
        case RESP_DONE:
            show_reply(stdout, &reply);
            c->last_is_error = reply.type == RESP_FAILURE;
            window_drop(in, reply.size);
            if (is_last(c, 1))
                return EXIT_SUCCESS;
            break;
        case RESP_MORE:
            if (!fill(c, in))
                return explain_end(c);
            break;
        case RESP_ERROR: fprintf(stderr, "kv_client: that is no reply\n"); return EXIT_FAILURE;
        default: return fail("receive");
        }
    }
}

static int run(struct client *c)
{
    struct window in = {0};
    struct resp_parser *parser = resp_parser_new();
    pthread_t writer;

    if (parser == NULL)
        return fail("parser");
    errno = pthread_create(&writer, NULL, write_all, c);
    if (errno != 0)
        return fail("thread");
    pthread_detach(writer); /* it may still wait for input when this is done */
    int status = read_all(c, &in, parser);
    resp_parser_free(parser);
    free(in.data);
    if (fflush(stdout) == EOF)
        return fail("output");
    bool is_error = c->count > 0 && c->last_is_error;
    pthread_mutex_lock(&c->lock);
    bool has_skipped = c->has_skipped;
    pthread_mutex_unlock(&c->lock);
    return is_error || has_skipped ? EXIT_FAILURE : status;
}

int main(int argc, char **argv)
{
    static const struct option known[] = {{0}};
    static struct client c = {.lock = PTHREAD_MUTEX_INITIALIZER,
                              .changed = PTHREAD_COND_INITIALIZER};

    /* '+': what looks like an option behind PORT is a word. */
    if (getopt_long(argc, argv, "+", known, NULL) != -1 || argc - optind < 2 ||
        tcp_parse_port(argv[optind + 1]) < 1)
        return usage();
    c.host = argv[optind];
    c.port = argv[optind + 1];
    c.words = argv + optind + 2;
    c.count = (size_t)(argc - optind - 2);
    c.fd = tcp_connect(c.host, c.port);
    if (c.fd < 0)
        return fail("connect");
    _exit(run(&c)); /* exit(3) might wait for the writer, which holds standard input */
}
