/* http_get.c - fetches one file over HTTP/1.1 and prints it: RFC 9112, a client's side.
 *
 * The URL is http://HOST[:PORT][/PATH][?QUERY][#FRAGMENT], HOST a name, an IPv4 address, or an
 * IPv6 address in brackets; blanks and control characters have to be percent-encoded.  One GET
 * goes out, in HTTP/1.1, its Host as in the URL.  The body of the reply goes to standard output,
 * up to its own end, whether or not the server closes then.  The exit status is 0 if the server
 * answered 2xx and all of the body came; else 1, and stderr says why.  --timeout bounds each
 * wait for the server.
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

/* Stage 2.25: reads more, behind what is there.  0; -1 with EPROTO at the end of the connection,
 * EMSGSIZE where a head or a line has no end, ETIMEDOUT (socket(7), SO_RCVTIMEO), and so on. */
static int fill(struct input *in)
{
    (void)in;
    /* Your code here. */
    errno = ENOSYS;
    return -1;
}

/* Stage 2.25: takes the head of the reply; replies like "100 Continue" may come before it. */
static int take_reply(struct input *in, struct reply *reply)
{
    (void)reply;
    (void)malformed;
    /* Your code here. */
    return fill(in);
}

/* Stage 2.25: prints the next size bytes. */
static int print(struct input *in, int64_t size)
{
    (void)size;
    /* Your code here. */
    return fill(in);
}

/* Stage 2.25: RFC 9112, section 7.1. */
static int print_chunks(struct input *in)
{
    (void)print;
    /* Your code here. */
    return fill(in);
}

/* Stage 2.25: the end of the connection is the end of the body, and nothing tells whether it came
 * early. */
static int print_to_end(struct input *in)
{
    /* Your code here. */
    return fill(in);
}

static int print_body(struct input *in, const struct reply *reply)
{
    if (reply->is_chunked)
        return print_chunks(in);
    return reply->size >= 0 ? print(in, reply->size) : print_to_end(in);
}

/* Stage 2.25: fills in url; false where text is no such URL. */
static bool parse_url(const char *text, struct url *url)
{
    (void)text;
    (void)url;
    /* Your code here. */
    return true;
}

/* Stage 2.25: RFC 9112, section 3; RFC 9110, section 7.2. */
static int send_request(int fd, const struct url *url)
{
    (void)fd;
    (void)url;
    /* Your code here. */
    errno = ENOSYS;
    return -1;
}

/* Stage 2.25: each wait of read(2) and write(2) on fd ends after so long: socket(7). */
static int limit_waits(int fd, int64_t timeout_ms)
{
    (void)fd;
    (void)timeout_ms;
    /* Your code here. */
    errno = ENOSYS;
    return -1;
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
    /* Stage 1.8, again.  Your code here. */

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
