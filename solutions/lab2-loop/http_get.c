/* http_get.c - fetches one file over HTTP/1.1 and prints it: RFC 9112, a client's side.
 *
 * What comes is cut into pieces anywhere, so all of it goes through one buffer, from which lines
 * and parts of the body are taken. */
#include "http.h"
#include "net.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { INPUT_SIZE = 64 * 1024, MOST_URL = 2048 };

struct url {
    char host[MOST_URL]; /* to connect to */
    char port[MOST_URL];
    struct http_text authority; /* host and port as they were given */
    struct http_text target;    /* path and query; "" stands for "/" */
};

/* A connection, and what came on it and was not used so far: data[start] to data[end - 1]. */
struct input {
    int fd;
    size_t start, end;
    char data[INPUT_SIZE];
};

/* How the body of a reply ends: RFC 9112, section 6.3. */
struct reply {
    int status;
    bool is_chunked;
    int64_t size; /* or -1: the end of the connection is its end */
};

static int usage(void)
{
    fprintf(stderr, "usage: http_get [--timeout MS] http://HOST[:PORT]/PATH\n");
    return 2;
}

static int malformed(void)
{
    errno = EPROTO;
    return -1;
}

/* Reads more, behind what is there.  0; -1 with EPROTO at the end of the connection, EMSGSIZE where
 * a head or a line has no end, ETIMEDOUT, and so on. */
static int fill(struct input *in)
{
    if (in->start > 0) {
        memmove(in->data, in->data + in->start, in->end - in->start);
        in->end -= in->start;
        in->start = 0;
    }
    if (in->end == INPUT_SIZE) {
        errno = EMSGSIZE;
        return -1;
    }
    ssize_t n = net_read(in->fd, in->data + in->end, INPUT_SIZE - in->end);
    if (n < 0)
        errno = errno == EAGAIN ? ETIMEDOUT : errno; /* SO_RCVTIMEO: socket(7) */
    if (n <= 0)
        return n < 0 ? -1 : malformed();
    in->end += (size_t)n;
    return 0;
}

/* Takes a head; it stays in place until the next fill. */
static int take_head(struct input *in, struct http_text *head)
{
    size_t searched = 0, size;

    while ((size = http_head_size((uint8_t *)in->data + in->start, in->end - in->start,
                                  &searched)) == 0)
        if (fill(in) < 0)
            return -1;
    *head = (struct http_text){in->data + in->start, size};
    in->start += size;
    return 0;
}

/* Takes a line, without its end; it stays in place until the next fill. */
static int take_line(struct input *in, struct http_text *line)
{
    size_t searched = 0;
    const char *end;

    while ((end = memchr(in->data + in->start + searched, '\n', in->end - in->start - searched)) ==
           NULL) {
        searched = in->end - in->start;
        if (fill(in) < 0)
            return -1;
    }
    struct http_text rest = {in->data + in->start, (size_t)(end + 1 - in->data) - in->start};
    in->start += rest.len;
    http_take_line(&rest, line);
    return 0;
}

/* "HTTP/1.1 200 OK" */
static int parse_status_line(struct http_text line, int *status)
{
    int64_t number;

    if (line.len < 12 || memcmp(line.data, "HTTP/1.", 7) != 0 || line.data[8] != ' ' ||
        !http_number((struct http_text){line.data + 9, 3}, 10, &number) ||
        (line.len > 12 && line.data[12] != ' '))
        return malformed();
    *status = (int)number;
    return 0;
}

static int take_field(struct http_text line, struct reply *reply)
{
    struct http_text name, value;
    int64_t before = reply->size;

    if (!http_split_field(line, &name, &value))
        return malformed();
    if (http_is(name, "Transfer-Encoding")) {
        reply->is_chunked = http_is(value, "chunked"); /* we asked for no other coding */
        return reply->is_chunked ? 0 : malformed();
    }
    if (http_is(name, "Content-Length") &&
        (!http_number(value, 10, &reply->size) || (before >= 0 && before != reply->size)))
        return malformed();
    return 0;
}

/* Takes the head of the reply; replies like "100 Continue" may come before it. */
static int take_reply(struct input *in, struct reply *reply)
{
    do {
        struct http_text head, line;
        *reply = (struct reply){.size = -1};
        if (take_head(in, &head) < 0)
            return -1;
        http_take_line(&head, &line);
        if (parse_status_line(line, &reply->status) < 0)
            return -1;
        while (http_take_line(&head, &line))
            if (take_field(line, reply) < 0)
                return -1;
    } while (reply->status < 200);
    if (reply->status == 204)
        reply->size = 0;
    return 0;
}

/* Prints the next size bytes. */
static int print(struct input *in, int64_t size)
{
    while (size > 0) {
        if (in->start == in->end && fill(in) < 0)
            return -1;
        size_t n = in->end - in->start;
        if ((int64_t)n > size)
            n = (size_t)size;
        if (net_write_all(STDOUT_FILENO, in->data + in->start, n) < 0)
            return -1;
        in->start += n;
        size -= (int64_t)n;
    }
    return 0;
}

/* RFC 9112, section 7.1: "5;extension", five bytes, an empty line's end, and so on up to size 0;
 * then trailers and an empty line. */
static int print_chunks(struct input *in)
{
    struct http_text line, size;
    int64_t number = 1;

    while (number > 0) {
        if (take_line(in, &line) < 0)
            return -1;
        size = (struct http_text){line.data, 0};
        while (size.len < line.len && strchr("; \t", line.data[size.len]) == NULL)
            size.len++;
        if (!http_number(size, 16, &number))
            return malformed();
        if (print(in, number) < 0 || (number > 0 && take_line(in, &line) < 0))
            return -1;
        if (number > 0 && line.len > 0)
            return malformed();
    }
    do {
        if (take_line(in, &line) < 0)
            return -1;
    } while (line.len > 0);
    return 0;
}

/* The end of the connection is the end of the body, and nothing tells whether it came early. */
static int print_to_end(struct input *in)
{
    for (;;) {
        if (print(in, (int64_t)(in->end - in->start)) < 0)
            return -1;
        ssize_t n = net_read(in->fd, in->data, INPUT_SIZE);
        if (n <= 0)
            return (int)n;
        in->start = 0;
        in->end = (size_t)n;
    }
}

static int print_body(struct input *in, const struct reply *reply)
{
    if (reply->is_chunked)
        return print_chunks(in);
    return reply->size >= 0 ? print(in, reply->size) : print_to_end(in);
}

static bool copy(char *to, struct http_text from)
{
    if (from.len == 0 || from.len >= MOST_URL)
        return false;
    memcpy(to, from.data, from.len);
    to[from.len] = '\0';
    return true;
}

/* "host", "host:80", "[::1]", "[::1]:80" */
static bool parse_authority(struct url *url)
{
    struct http_text host = url->authority, port = {"80", 2};
    bool is_bracketed = host.len > 0 && host.data[0] == '[';
    const char *end = memchr(host.data, is_bracketed ? ']' : ':', host.len);
    const char *colon = is_bracketed && end != NULL ? end + 1 : end;
    const char *all_end = host.data + host.len;

    if ((is_bracketed && end == NULL) || memchr(host.data, '@', host.len) != NULL)
        return false;
    if (end != NULL)
        host.len = (size_t)(end - host.data);
    if (is_bracketed)
        host = (struct http_text){host.data + 1, host.len - 1};
    if (colon != NULL && colon < all_end) {
        if (*colon != ':')
            return false;
        port = (struct http_text){colon + 1, (size_t)(all_end - colon - 1)};
    }
    return copy(url->host, host) && copy(url->port, port) && net_parse_port(url->port) > 0;
}

/* RFC 9110, section 4.2.1.  Blanks and control characters would end the request's line: they
 * have to be percent-encoded. */
static bool parse_url(const char *text, struct url *url)
{
    if (strncasecmp(text, "http://", 7) != 0)
        return false;
    for (const char *c = text; *c != '\0'; c++)
        if (*c <= ' ' || *c == 0x7f)
            return false;
    text += 7;
    url->authority = (struct http_text){text, strcspn(text, "/?#")};
    text += url->authority.len;
    url->target = (struct http_text){text, strcspn(text, "#")};
    return url->target.len < MOST_URL && parse_authority(url);
}

static int send_request(int fd, const struct url *url)
{
    char request[2 * MOST_URL + 100];
    bool has_path = url->target.len > 0 && url->target.data[0] == '/';
    int len = snprintf(request, sizeof request,
                       "GET %s%.*s HTTP/1.1\r\nHost: %.*s\r\nConnection: close\r\n\r\n",
                       has_path ? "" : "/", (int)url->target.len, url->target.data,
                       (int)url->authority.len, url->authority.data);

    return net_write_all(fd, request, (size_t)len);
}

/* Each wait of read(2) and write(2) on fd ends after so long, with EAGAIN: socket(7). */
static int limit_waits(int fd, int64_t timeout_ms)
{
    struct timeval most = {timeout_ms / 1000, timeout_ms % 1000 * 1000};

    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most) < 0)
        return -1;
    return setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &most, sizeof most);
}

/* timeout_ms 0: none. */
static bool parse_options(int argc, char **argv, int64_t *timeout_ms, struct url *url)
{
    static const struct option known[] = {{"timeout", required_argument, NULL, 't'}, {0}};
    int c;

    *timeout_ms = 0;
    while ((c = getopt_long(argc, argv, "", known, NULL)) != -1)
        if (c != 't' || !http_number((struct http_text){optarg, strlen(optarg)}, 10, timeout_ms) ||
            *timeout_ms == 0)
            return false;
    return optind + 1 == argc && parse_url(argv[optind], url);
}

static int fail(const char *what)
{
    perror(what);
    return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    static struct input in;
    static struct url url;
    struct reply reply;
    int64_t timeout_ms;

    if (!parse_options(argc, argv, &timeout_ms, &url))
        return usage();
    signal(SIGPIPE, SIG_IGN);
    in.fd = net_connect(url.host, url.port, SOCK_STREAM);
    if (in.fd < 0)
        return fail("connect");
    if (timeout_ms > 0 && limit_waits(in.fd, timeout_ms) < 0)
        return fail("timeout");
    if (send_request(in.fd, &url) < 0)
        return fail("send");
    if (take_reply(&in, &reply) < 0)
        return fail("reply");
    if (reply.status > 299) {
        fprintf(stderr, "http_get: the server answers %d\n", reply.status);
        return EXIT_FAILURE;
    }
    return print_body(&in, &reply) < 0 ? fail("body") : EXIT_SUCCESS;
}
