/* kv_client.c - sends commands to a server of RESP, and shows its replies.
 *
 *     kv_client [--resp2] HOST PORT WORD...   one command: 0, or 1 where the reply is an error
 *     kv_client [--resp2] HOST PORT           each line of standard input is a command
 *
 * One thread around poll(2): no line is read while output waits, and replies are read always.  A
 * person at a terminal gets the reply to each line before the next is looked at. */
#include "net.h"
#include "show.h"
#include "words.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ_SIZE = 64 * 1024, OUTPUT_BOUND = 256 * 1024 };

/* data[start] to data[end - 1] is still of use. */
struct queue {
    uint8_t *data;
    size_t start, end, capacity;
};

struct client {
    int fd;
    struct queue lines, output, replies;
    struct words words;
    size_t searched; /* of lines, for LF */
    struct resp_parser *parser;
    struct resp2_parser *parser2; /* one of the two is NULL */
    size_t sent, shown;           /* commands, replies */
    bool is_terminal, asks_once;
    bool has_input, has_shut, has_skipped, is_error;
};

/* --- queues --- */

static void die(const char *what)
{
    fflush(stdout);
    fprintf(stderr, "kv_client: %s: %s\n", what, strerror(errno));
    exit(EXIT_FAILURE);
}

/* Room for so much more.  What is there moves to the front only if it is the smaller part. */
static uint8_t *queue_room(struct queue *q, size_t more)
{
    if (q->start == q->end)
        q->start = q->end = 0;
    if (q->start > q->end - q->start) {
        memcpy(q->data, q->data + q->start, q->end - q->start);
        q->end -= q->start;
        q->start = 0;
    }
    if (q->capacity - q->end < more) {
        size_t capacity = 2 * q->capacity + more;
        uint8_t *data = realloc(q->data, capacity);
        if (data == NULL)
            die("memory");
        q->data = data;
        q->capacity = capacity;
    }
    return q->data + q->end;
}

static size_t queue_len(const struct queue *q)
{
    return q->end - q->start;
}

/* As read(2): what is there, behind what was. */
static ssize_t queue_read(struct queue *q, int fd)
{
    uint8_t *room = queue_room(q, READ_SIZE);
    ssize_t got = read(fd, room, READ_SIZE);

    if (got > 0)
        q->end += (size_t)got;
    return got;
}

static bool is_for_later(void)
{
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

/* --- commands out --- */

static void put_command(struct client *client, const struct resp_word *words, size_t count)
{
    size_t size = resp_write_array(NULL, 0, words, count);

    resp_write_array(queue_room(&client->output, size), size, words, count);
    client->output.end += size;
    client->sent++;
}

static void take_line(struct client *client, const uint8_t *line, size_t len)
{
    if (words_split(&client->words, line, len) < 0) {
        if (errno != EINVAL)
            die("memory");
        fprintf(stderr, "kv_client: a quote is not closed, or no blank follows: %.*s\n", (int)len,
                (const char *)line);
        client->has_skipped = true;
    } else if (client->words.count > 0) {
        put_command(client, client->words.words, client->words.count);
    }
}

/* Whether another line may be turned into a command now. */
static bool wants_line(const struct client *client)
{
    return queue_len(&client->output) < OUTPUT_BOUND &&
           (!client->is_terminal || client->shown == client->sent);
}

/* A last line may lack its LF. */
static void take_lines(struct client *client)
{
    struct queue *lines = &client->lines;

    while (queue_len(lines) > 0 && wants_line(client)) {
        const uint8_t *line = lines->data + lines->start;
        size_t len = queue_len(lines);
        const uint8_t *lf = memchr(line + client->searched, '\n', len - client->searched);
        if (lf == NULL && client->has_input) {
            client->searched = len;
            return;
        }
        len = lf == NULL ? len : (size_t)(lf - line);
        take_line(client, line, len);
        lines->start += len + (lf != NULL);
        client->searched = 0;
    }
}

static void read_input(struct client *client)
{
    ssize_t got = queue_read(&client->lines, STDIN_FILENO);

    if (got < 0 && !is_for_later())
        die("input");
    if (got == 0)
        client->has_input = false;
}

/* An error here is told when the replies end: some may be on their way. */
static void send_output(struct client *client)
{
    struct queue *q = &client->output;

    while (queue_len(q) > 0) {
        ssize_t sent = send(client->fd, q->data + q->start, queue_len(q), MSG_NOSIGNAL);
        if (sent < 0 && is_for_later())
            return;
        if (sent < 0) {
            q->start = q->end = 0;
            client->has_input = false;
            client->lines.start = client->lines.end;
            return;
        }
        q->start += (size_t)sent;
    }
    if (!client->has_input && queue_len(&client->lines) == 0 && !client->has_shut) {
        shutdown(client->fd, SHUT_WR);
        client->has_shut = true;
    }
}

/* --- replies in --- */

/* Shows one; its size in *size. */
static enum resp_result show_one(struct client *client, size_t *size)
{
    const uint8_t *window = client->replies.data + client->replies.start;
    size_t len = queue_len(&client->replies);
    struct resp_reply reply;
    struct resp2_reply reply2;
    enum resp_result result;

    if (client->parser2 != NULL) {
        result = resp2_parse_reply(client->parser2, window, len, &reply2);
        if (result == RESP_DONE) {
            *size = reply2.size;
            client->is_error = reply2.values[0].type == RESP_FAILURE;
            show_reply2(stdout, &reply2);
        }
        return result;
    }
    result = resp_parse_reply(client->parser, window, len, &reply);
    if (result == RESP_DONE) {
        *size = reply.size;
        client->is_error = reply.type == RESP_FAILURE;
        show_reply(stdout, &reply);
    }
    return result;
}

static int fail_with(const char *what)
{
    fflush(stdout);
    fprintf(stderr, "kv_client: %s\n", what);
    return EXIT_FAILURE;
}

/* -1: goes on; else the exit status. */
static int show_replies(struct client *client)
{
    enum resp_result result = RESP_MORE;
    size_t size;

    while (queue_len(&client->replies) > 0 && (result = show_one(client, &size)) == RESP_DONE) {
        client->replies.start += size;
        client->shown++;
        if (client->shown > client->sent)
            return fail_with("the server sent a reply that nobody asked for");
    }
    if (result == RESP_ERROR)
        return fail_with("the server sent what is no reply");
    if (result == RESP_NO_MEMORY)
        die("memory");
    return -1;
}

static int read_replies(struct client *client)
{
    ssize_t got = queue_read(&client->replies, client->fd);

    if (got < 0 && is_for_later())
        return -1;
    if (got > 0)
        return show_replies(client);
    fflush(stdout);
    fprintf(stderr, "kv_client: the server left (%s): %zu commands, %zu replies\n",
            got == 0 ? "end" : strerror(errno), client->sent, client->shown);
    return EXIT_FAILURE;
}

/* --- all of it --- */

static bool is_answered(const struct client *client)
{
    return !client->has_input && queue_len(&client->lines) == 0 &&
           queue_len(&client->output) == 0 && client->shown == client->sent;
}

static void wait_for_events(struct client *client, struct pollfd polled[2])
{
    bool reads = client->has_input && wants_line(client);
    bool writes = queue_len(&client->output) > 0;

    polled[0] = (struct pollfd){reads ? STDIN_FILENO : -1, POLLIN, 0};
    polled[1] = (struct pollfd){client->fd, (short)(POLLIN | (writes ? POLLOUT : 0)), 0};
    fflush(stdout);
    while (poll(polled, 2, -1) < 0)
        if (errno != EINTR)
            die("poll");
}

static void prompt(const struct client *client, const char *host, const char *port)
{
    if (client->is_terminal && client->has_input && client->shown == client->sent)
        printf("%s:%s> ", host, port);
}

static int converse(struct client *client, const char *host, const char *port)
{
    struct pollfd polled[2];
    int status = -1;

    prompt(client, host, port);
    while (status < 0) {
        bool was_read = false;
        size_t shown = client->shown;
        take_lines(client);
        send_output(client);
        if (is_answered(client))
            break;
        wait_for_events(client, polled);
        if (polled[0].revents != 0) {
            read_input(client);
            was_read = true;
        }
        if (polled[1].revents & (POLLIN | POLLHUP | POLLERR))
            status = read_replies(client);
        size_t sent = client->sent;
        take_lines(client);
        if (client->shown > shown || (was_read && client->sent == sent))
            prompt(client, host, port);
    }
    if (status >= 0)
        return status;
    return client->has_skipped || (client->asks_once && client->is_error) ? EXIT_FAILURE
                                                                         : EXIT_SUCCESS;
}

static int usage(void)
{
    fprintf(stderr, "usage: kv_client [--resp2] HOST PORT [WORD...]\n");
    return 2;
}

static void put_arguments(struct client *client, char **words, size_t count)
{
    struct resp_word *list = calloc(count, sizeof *list);

    if (list == NULL)
        die("memory");
    for (size_t i = 0; i < count; i++)
        list[i] = (struct resp_word){(const uint8_t *)words[i], strlen(words[i])};
    put_command(client, list, count);
    free(list);
}

static void free_client(struct client *client)
{
    close(client->fd);
    resp_parser_free(client->parser);
    resp2_parser_free(client->parser2);
    words_free(&client->words);
    free(client->lines.data);
    free(client->output.data);
    free(client->replies.data);
}

int main(int argc, char **argv)
{
    struct client client = {.has_input = true};
    int resp2 = 0, c;
    const struct option known[] = {{"resp2", no_argument, &resp2, 1}, {0}};

    while ((c = getopt_long(argc, argv, "+", known, NULL)) != -1)
        if (c == '?')
            return usage();
    if (argc - optind < 2 || net_parse_port(argv[optind + 1]) < 1)
        return usage();
    const char *host = argv[optind], *port = argv[optind + 1];
    signal(SIGPIPE, SIG_IGN);
    if (resp2)
        client.parser2 = resp2_parser_new();
    else
        client.parser = resp_parser_new();
    if (client.parser == NULL && client.parser2 == NULL)
        die("memory");
    client.fd = net_connect(host, port, SOCK_STREAM);
    if (client.fd < 0 || fcntl(client.fd, F_SETFL, O_NONBLOCK) < 0)
        die("connect");
    if (argc - optind > 2) {
        client.asks_once = true;
        client.has_input = false;
        put_arguments(&client, argv + optind + 2, (size_t)(argc - optind - 2));
    }
    client.is_terminal = client.has_input && isatty(STDIN_FILENO);
    int status = converse(&client, host, port);
    if (fflush(stdout) == EOF && status == EXIT_SUCCESS)
        status = EXIT_FAILURE;
    free_client(&client);
    return status;
}
