/* kvraft.c - the store of kvraft.h: one struct a request, on two lists.
 *
 * A client's list has its requests in the order in which they came; replies leave from its front.
 * The list of all that wait has them in the order of their indexes, which is also that of their
 * times: so an entry that was applied belongs to its first one or to none, and it is the first one
 * that has waited too long.  A reply leaves as soon as it is known.
 *
 * A write that waited for MOST_TIMEOUTS, or when leadership was lost, has an unknown outcome: its
 * client is left with what it got before. */
#include "kvraft.h"

#include "connection.h"
#include "request.h"
#include "store.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* A client may have so much waiting: requests, and the bytes of their replies. */
enum { MOST_TIMEOUTS = 9, MOST_OWED_BYTES = 1 << 20, OWED_BY_EACH = 2048 };

struct client {
    struct kvraft *kvraft;
    struct client *next, *before;
    struct connection *connection;
    struct resp_parser *parser;
    size_t line; /* see request_is_too_large */
    struct request_queue requests;
    bool has_ended; /* it sends no more, or what it sent is not to be read any further */
    bool is_paused;
};

struct kvraft {
    struct loop *loop;
    struct kvraft_config config;
    struct kvraft_server server;
    struct store *store;
    struct client *clients;
    struct request_list waiting, displaced; /* displaced: another entry came at its index */
    struct loop_timer timer;
    bool is_timer_set;
};

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* --- replies --- */

static bool is_overloaded(const struct client *client)
{
    return client->requests.owed >= MOST_OWED_BYTES;
}

static void send_known(struct client *client)
{
    struct request *request;

    while ((request = client->requests.first) != NULL && request->is_known) {
        connection_send(client->connection, request->reply, request->reply_size);
        request_pop(&client->requests);
    }
}

/* The client may be gone after this. */
static void go_on(struct client *client)
{
    send_known(client);
    if (client->has_ended && client->requests.first == NULL) {
        connection_finish(client->connection);
    } else if (client->is_paused && !is_overloaded(client)) {
        client->is_paused = false;
        connection_resume(client->connection);
    }
}

/* What is left has no reply that could be given.  The client may be gone after this. */
static void leave(struct client *client)
{
    send_known(client);
    while (client->requests.first != NULL)
        request_pop(&client->requests);
    client->has_ended = true;
    connection_finish(client->connection);
}

/* Without memory for a reply, its client is left. */
static void answer(struct request *request, struct resp_word reply)
{
    struct client *client = request->client;

    request_unlink(request);
    if (request_set_reply(request, reply))
        go_on(client);
    else
        leave(client);
}

static struct resp_word redirect(const struct kvraft *kvraft, char *text, size_t room)
{
    struct raft_status status = kvraft->server.status(kvraft->server.context);
    int len;

    if (status.leader == RAFT_NOBODY || status.leader == kvraft->config.id)
        len = snprintf(text, room, "+TRYAGAIN\r\n");
    else
        len = snprintf(text, room, "+MOVED %d\r\n", (int)status.leader);
    return (struct resp_word){(const uint8_t *)text, (size_t)len};
}

/* --- time --- */

static void set_timer(struct kvraft *kvraft)
{
    const struct request *oldest = kvraft->waiting.first;

    if (oldest == NULL || kvraft->is_timer_set)
        return;
    int64_t delay = oldest->due - now_ms();
    kvraft->is_timer_set = loop_set_timer(kvraft->loop, &kvraft->timer, delay > 0 ? delay : 0) == 0;
}

static void leave_late(void *context)
{
    struct kvraft *kvraft = context;
    int64_t now = now_ms();

    kvraft->is_timer_set = false;
    while (kvraft->waiting.first != NULL && kvraft->waiting.first->due <= now)
        leave(kvraft->waiting.first->client);
    set_timer(kvraft);
}

/* --- requests --- */

static bool propose(struct client *client, struct request *request, const uint8_t *data,
                    size_t size)
{
    struct kvraft *kvraft = client->kvraft;
    const struct kvraft_server *server = &kvraft->server;
    struct raft_status status = server->status(server->context);

    if (status.role != RAFT_LEADER)
        return false;
    request->index = server->propose(server->context, data, size);
    if (request->index == 0)
        return false;
    request->term = status.term;
    request->due = now_ms() + (int64_t)MOST_TIMEOUTS * kvraft->config.election_max_ms;
    request_link(&kvraft->waiting, request);
    set_timer(kvraft);
    return true;
}

static bool set_known(struct request *request, const char *text)
{
    return request_set_reply(request, (struct resp_word){(const uint8_t *)text, strlen(text)});
}

/* False: no memory. */
static bool take_request(struct client *client, const uint8_t *data,
                         const struct resp_request *parsed)
{
    struct kvraft *kvraft = client->kvraft;
    bool is_command = store_knows(parsed);
    size_t cost = OWED_BY_EACH + (is_command ? store_reply_size(kvraft->store, parsed) : 0);
    char text[32];

    if (parsed->count == 0)
        return true;
    struct request *request = request_push(&client->requests, client, cost);
    if (request == NULL)
        return false;
    if (!is_command)
        return set_known(request, "-ERROR\r\n");
    return propose(client, request, data, parsed->size) ||
           request_set_reply(request, redirect(kvraft, text, sizeof text));
}

/* Behind such bytes nothing can be told apart. */
static bool refuse(struct client *client)
{
    struct request *request = request_push(&client->requests, client, OWED_BY_EACH);

    client->has_ended = true;
    return request != NULL && set_known(request, "-ERROR\r\n");
}

/* One request of the window; *used is 0 if there is none.  False: no memory. */
static bool take_next(struct client *client, const uint8_t *data, size_t len, size_t *used)
{
    struct resp_request parsed;

    *used = 0;
    switch (resp_parse(client->parser, data, len, &parsed)) {
    case RESP_NO_MEMORY: return false;
    case RESP_ERROR: return refuse(client);
    case RESP_MORE: return !request_is_too_large(&client->line, data, len) || refuse(client);
    case RESP_DONE: break;
    }
    if (parsed.size > REQUEST_LARGEST)
        return refuse(client);
    client->line = 0;
    *used = parsed.size;
    return take_request(client, data, &parsed);
}

static size_t take_data(void *context, const uint8_t *data, size_t len)
{
    struct client *client = context;
    size_t taken = 0, used;

    do {
        if (client->has_ended || is_overloaded(client) || connection_is_full(client->connection))
            break;
        if (!take_next(client, data + taken, len - taken, &used)) {
            connection_close(client->connection);
            return len;
        }
        send_known(client);
        taken += used;
    } while (used > 0);
    if (client->has_ended)
        taken = len;
    else if (is_overloaded(client)) {
        client->is_paused = true;
        connection_pause(client->connection);
    }
    go_on(client);
    return taken;
}

static void take_end(void *context)
{
    struct client *client = context;

    client->has_ended = true;
    go_on(client);
}

/* --- clients --- */

static void free_client(struct client *client)
{
    resp_parser_free(client->parser);
    free(client);
}

static void forget(void *context, int error)
{
    struct client *client = context;

    (void)error;
    while (client->requests.first != NULL)
        request_pop(&client->requests);
    if (client->next != NULL)
        client->next->before = client->before;
    if (client->before != NULL)
        client->before->next = client->next;
    else
        client->kvraft->clients = client->next;
    free_client(client);
}

static struct client *new_client(struct kvraft *kvraft, int fd)
{
    static const struct connection_events events = {.on_data = take_data,
                                                    .on_end = take_end,
                                                    .on_close = forget};
    struct client *client = calloc(1, sizeof *client);

    if (client == NULL)
        return NULL;
    client->kvraft = kvraft;
    client->parser = resp_parser_new();
    if (client->parser != NULL)
        client->connection = connection_new(kvraft->loop, fd, &events, client);
    if (client->connection != NULL)
        return client;
    free_client(client);
    return NULL;
}

void kvraft_serve(struct kvraft *kvraft, int fd)
{
    int on = 1;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct client *client = new_client(kvraft, fd);
    if (client == NULL) {
        close(fd);
        return;
    }
    client->next = kvraft->clients;
    if (client->next != NULL)
        client->next->before = client;
    kvraft->clients = client;
}

/* --- entries --- */

int kvraft_apply(struct kvraft *kvraft, int32_t index, int32_t term, const uint8_t *data,
                 size_t len)
{
    struct request *request = kvraft->waiting.first;
    struct resp_word reply;

    if (store_execute(kvraft->store, data, len, &reply) < 0)
        return -1;
    if (request == NULL || request->index != index)
        return 0;
    if (request->term == term) {
        answer(request, reply);
    } else {
        request_unlink(request);
        request_link(&kvraft->displaced, request);
    }
    return 0;
}

/* Who was displaced was certainly not executed, and may be told so. */
void kvraft_settle(struct kvraft *kvraft)
{
    struct raft_status status = kvraft->server.status(kvraft->server.context);
    char text[32];

    while (kvraft->displaced.first != NULL)
        answer(kvraft->displaced.first, redirect(kvraft, text, sizeof text));
    while (kvraft->waiting.first != NULL &&
           (status.role != RAFT_LEADER || kvraft->waiting.first->term != status.term))
        leave(kvraft->waiting.first->client);
}

/* --- all of it --- */

struct kvraft *kvraft_new(struct loop *loop, const struct kvraft_config *config,
                          const struct kvraft_server *server)
{
    struct kvraft *kvraft = calloc(1, sizeof *kvraft);

    if (kvraft == NULL)
        return NULL;
    kvraft->loop = loop;
    kvraft->config = *config;
    kvraft->server = *server;
    kvraft->timer = (struct loop_timer){.on_time = leave_late, .context = kvraft};
    kvraft->store = store_new();
    if (kvraft->store != NULL)
        return kvraft;
    free(kvraft);
    return NULL;
}

void kvraft_free(struct kvraft *kvraft)
{
    if (kvraft == NULL)
        return;
    while (kvraft->clients != NULL)
        connection_close(kvraft->clients->connection);
    loop_clear_timer(kvraft->loop, &kvraft->timer);
    store_free(kvraft->store);
    free(kvraft);
}
