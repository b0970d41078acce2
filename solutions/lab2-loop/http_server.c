/* http_server.c - GET and HEAD of the files of a folder, over HTTP/1.1 (RFC 9112, RFC 9110).
 *
 * Requests of one connection are answered one after the other.  A file goes out in chunks, the
 * next one when the kernel has taken the last, so that a client costs the same however large its
 * file is; until the last one it is not read from.  (Reading a file may wait for the disk.  No
 * loop can tell when that would not be so: to epoll_ctl(2) a file is an error, EPERM.) */
#include "connection.h"
#include "http.h"
#include "listener.h"
#include "net.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* A client that neither ends a request nor takes a chunk for PATIENCE_MS is closed. */
enum { CHUNK_SIZE = 64 * 1024, PATIENCE_MS = 60 * 1000 };

struct options {
    const char *backend, *root;
    int port;
};

struct server {
    struct loop *loop;
    int root; /* the folder */
};

struct client {
    struct server *server;
    struct connection *connection;
    struct loop_timer patience;
    size_t searched; /* of what came and is not answered: http_head_size */
    int file;        /* of which unsent bytes are still to be sent, or -1 */
    off_t unsent;
    bool is_last; /* the reply on its way is the last */
};

/* What a reply's head says. */
struct reply {
    int status;
    off_t size;
    const char *type;
    bool keep_alive;
};

static int usage(void)
{
    fprintf(stderr, "usage: http_server [--backend select|epoll|poll|edge] --root DIR --port N\n");
    return 2;
}

/* Opens a folder or a file in a folder.  A link is not followed.  Nor does a FIFO that nobody
 * writes to keep the server waiting: open(2), O_NONBLOCK. */
static int open_step(int folder, const char *name, bool is_file)
{
    if (strcmp(name, "..") == 0) {
        errno = ENOENT;
        return -1;
    }
    if (is_file)
        return openat(folder, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC);
    return openat(folder, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* Opens path (which gets a NUL for each '/') below root.  Step by step, since O_NOFOLLOW is
 * about a path's last name only: so no "..", no empty name and no link, whoever made it and
 * when, leads out. (openat2(2) with RESOLVE_BENEATH does it in one call and allows links within,
 * where it exists.) */
static int open_beneath(int root, char *path)
{
    int folder = root;

    for (char *name = path;;) {
        char *slash = strchr(name, '/');
        if (slash != NULL)
            *slash = '\0';
        int fd = open_step(folder, name, slash == NULL);
        int error = errno;
        if (folder != root)
            close(folder);
        errno = error;
        if (fd < 0 || slash == NULL)
            return fd;
        folder = fd;
        name = slash + 1;
    }
}

/* What can't be a file for us is not there; what else keeps it from being read is our trouble. */
static int status_of(int error)
{
    bool is_absent = error == ENOENT || error == ENOTDIR || error == ELOOP ||
                     error == ENAMETOOLONG || error == ENXIO;

    return is_absent ? 404 : 500;
}

/* Opens the file that path means into client, and completes the reply.  0, or the status of an
 * error. */
static int open_file(struct client *client, char path[HTTP_HEAD_BOUND], struct reply *reply)
{
    static const char index[] = "index.html";
    size_t len = strlen(path);
    struct stat about;

    if (path[len - 1] == '/' && len + sizeof index <= HTTP_HEAD_BOUND)
        memcpy(path + len, index, sizeof index);
    reply->type = http_type(path);
    int fd = open_beneath(client->server->root, path + 1);
    if (fd < 0)
        return status_of(errno);
    if (fstat(fd, &about) < 0 || !S_ISREG(about.st_mode)) {
        close(fd);
        return 404;
    }
    client->file = fd;
    client->unsent = about.st_size;
    reply->size = about.st_size;
    return 0;
}

static void send_head(struct client *client, const struct reply *reply)
{
    char date[40], head[400];
    time_t now = time(NULL);
    struct tm utc;

    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &utc));
    int len = snprintf(head, sizeof head,
                       "HTTP/1.1 %d %s\r\nDate: %s\r\nContent-Length: %lld\r\nContent-Type: %s\r\n"
                       "Connection: %s\r\n%s\r\n",
                       reply->status, http_reason(reply->status), date, (long long)reply->size,
                       reply->type, reply->keep_alive ? "keep-alive" : "close",
                       reply->status == 405 ? "Allow: GET, HEAD\r\n" : "");
    connection_send(client->connection, head, (size_t)len);
}

static void send_error(struct client *client, struct reply *reply, bool with_body)
{
    char body[80];
    int len = snprintf(body, sizeof body, "%d %s\n", reply->status, http_reason(reply->status));

    reply->size = len;
    reply->type = "text/plain";
    send_head(client, reply);
    if (with_body)
        connection_send(client->connection, body, (size_t)len);
}

static void close_file(struct client *client)
{
    if (client->file >= 0)
        close(client->file);
    client->file = -1;
}

/* Sends the next chunk.  A file that got shorter meanwhile, or can't be read on, ends the
 * connection: the client was promised more, and would take the next reply for the rest. */
static void send_chunk(struct client *client)
{
    static _Thread_local char chunk[CHUNK_SIZE];
    size_t most = client->unsent < CHUNK_SIZE ? (size_t)client->unsent : CHUNK_SIZE;
    ssize_t n = most == 0 ? 0 : net_read(client->file, chunk, most);

    if (n < 0 || (n == 0 && most > 0)) {
        connection_close(client->connection);
        return;
    }
    client->unsent -= n;
    if (client->unsent == 0)
        close_file(client);
    connection_send(client->connection, chunk, (size_t)n);
}

/* Answers the request with this head; a malformed one (and what comes behind it) is the last,
 * and so is one with a body, which is not read. */
static void answer(struct client *client, struct http_text head)
{
    struct http_request request;
    char path[HTTP_HEAD_BOUND];
    int status = http_parse_request(head, &request);
    struct reply reply = {.keep_alive = status == 0 && request.keep_alive && !request.has_body};
    bool is_head = request.method.len == 4 && memcmp(request.method.data, "HEAD", 4) == 0;
    bool is_get = request.method.len == 3 && memcmp(request.method.data, "GET", 3) == 0;

    if (status == 0 && !is_get && !is_head)
        status = 405;
    if (status == 0)
        status = http_path(request.target, path);
    if (status == 0)
        status = open_file(client, path, &reply);
    reply.status = status == 0 ? 200 : status;
    client->is_last = !reply.keep_alive;
    if (status != 0) {
        send_error(client, &reply, !is_head);
        return;
    }
    send_head(client, &reply);
    if (is_head)
        close_file(client);
    else
        send_chunk(client);
}

static void give_up(void *context)
{
    connection_close(((struct client *)context)->connection);
}

static void be_patient(struct client *client)
{
    if (loop_set_timer(client->server->loop, &client->patience, PATIENCE_MS) < 0)
        connection_close(client->connection);
}

/* RFC 9112, section 2.2: empty lines before a request are passed over. */
static size_t empty_lines(const uint8_t *data, size_t len)
{
    size_t size = 0;

    while (size < len &&
           (data[size] == '\n' || (len - size > 1 && data[size] == '\r' && data[size + 1] == '\n')))
        size += data[size] == '\r' ? 2 : 1;
    return size;
}

/* Answers the request at the front of data.  Returns how much of it is used up; 0: more has to
 * come. */
static size_t answer_next(struct client *client, const uint8_t *data, size_t len)
{
    size_t used = empty_lines(data, len);

    if (used > 0) {
        client->searched = 0;
        return used;
    }
    size_t size = http_head_size(data, len, &client->searched);
    if (size > HTTP_HEAD_BOUND || (size == 0 && len >= HTTP_HEAD_BOUND)) {
        client->is_last = true;
        send_error(client, &(struct reply){.status = 431}, true);
        return len;
    }
    if (size > 0) {
        answer(client, (struct http_text){(const char *)data, size});
        client->searched = 0;
        be_patient(client);
    }
    return size;
}

static size_t take_input(void *context, const uint8_t *data, size_t len)
{
    struct client *client = context;
    size_t used = 0, n = 1;

    while (n > 0 && used < len && client->file < 0 && !client->is_last &&
           !connection_is_full(client->connection)) {
        n = answer_next(client, data + used, len - used);
        used += n;
    }
    if (client->file >= 0)
        connection_pause(client->connection);
    else if (client->is_last)
        connection_finish(client->connection);
    return used;
}

static void take_drained(void *context)
{
    struct client *client = context;

    if (client->file < 0)
        return;
    be_patient(client);
    send_chunk(client);
    if (client->file < 0 && client->is_last)
        connection_finish(client->connection);
    else if (client->file < 0)
        connection_resume(client->connection);
}

static void forget(void *context, int error)
{
    struct client *client = context;

    (void)error;
    loop_clear_timer(client->server->loop, &client->patience);
    close_file(client);
    free(client);
}

/* Without TCP_NODELAY a reply's second piece waits until the client has acknowledged the first,
 * which it may put off for 40 ms: tcp(7). */
static void serve(void *context, int fd)
{
    static const struct connection_events events = {take_input, NULL, take_drained, forget};
    struct client *client = malloc(sizeof *client);

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    if (client != NULL) {
        *client =
            (struct client){.server = context, .file = -1, .patience = {give_up, client, 0, 0}};
        client->connection = connection_new(client->server->loop, fd, &events, client);
    }
    if (client != NULL && client->connection != NULL) {
        be_patient(client);
        return;
    }
    free(client);
    close(fd);
}

static bool parse_options(int argc, char **argv, struct options *options)
{
    static const struct option known[] = {
        {"backend", required_argument, NULL, 'b'},
        {"root", required_argument, NULL, 'r'},
        {"port", required_argument, NULL, 'p'},
        {0},
    };
    int c;

    while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (c == 'b')
            options->backend = optarg;
        else if (c == 'r')
            options->root = optarg;
        else if (c != 'p' || (options->port = net_parse_port(optarg)) < 0)
            return false;
    }
    return options->root != NULL && options->port >= 0 && optind == argc;
}

static int fail(const char *what)
{
    perror(what);
    return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    struct options options = {.backend = "epoll", .port = -1};
    struct server server;

    if (!parse_options(argc, argv, &options))
        return usage();
    signal(SIGPIPE, SIG_IGN);
    server.loop = loop_new(options.backend);
    if (server.loop == NULL)
        return errno == EINVAL ? usage() : fail("loop");
    server.root = open(options.root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (server.root < 0)
        return fail(options.root);
    int socket = net_listen((uint16_t)options.port);
    if (socket < 0 || listener_new(server.loop, socket, serve, &server) == NULL)
        return fail("listen");
    printf("listening on 127.0.0.1:%d\n", net_port(socket));
    fflush(stdout);
    return loop_run(server.loop) < 0 ? fail("loop") : EXIT_SUCCESS;
}
