/* client.c - clients: their requests become entries, or are answered at once.
 *
 * Replies keep the order of requests: those of entries by themselves, since indexes grow.  Any other
 * answer, while a reply is owed, is held, and its client is not read from any more until then.  So
 * it is with a client that has much waiting: what it may keep in memory has a bound. */
#include "client.h"

#include "tools.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* A client is not read from while so many of its requests wait, or bytes of them and their replies;
 * and none waits for longer than so many of the longest election timeouts.  Replies that came to be
 * larger meanwhile are kept for a client that does not read them, up to a bound. */
enum { MOST_WAITING = 1024, MOST_COST = 1 << 20, TIMEOUTS = 3, MOST_PENDING = 32 << 20 };

enum { MS_PER_S = 1000, NS_PER_MS = 1000000 };

int64_t client_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * MS_PER_S + now.tv_nsec / NS_PER_MS;
}

/* --- the life of a client --- */

static void free_client(struct client *client)
{
    requests_free(&client->requests);
    free(client->held);
    free(client);
}

/* It stays in memory while the queue knows it. */
static void forget(void *context, int error)
{
    struct client *client = context;
    struct kvraft *kvraft = client->kvraft;

    (void)error;
    if (kvraft->replies.context == client)
        outbox_drop(&kvraft->replies);
    *client->place = client->next;
    if (client->next != NULL)
        client->next->place = client->place;
    client->connection = NULL;
    client->has_ended = true;
    if (client->waiting == 0)
        free_client(client);
}

void client_send(void *context, const void *data, size_t len)
{
    struct client *client = context;

    if (client->has_ended)
        return;
    if (connection_pending(client->connection) < MOST_PENDING) {
        connection_send(client->connection, data, len);
        return;
    }
    client->has_ended = true;
    connection_finish(client->connection);
}

/* What it was not told so far, it will not be.  Frees it at once, maybe, if nothing of its waits and
 * no callback of its connection runs. */
void client_end(struct client *client)
{
    if (client->has_ended)
        return;
    outbox_flush(&client->kvraft->replies);
    if (client->has_ended) /* by that */
        return;
    client->has_ended = true;
    connection_finish(client->connection);
}

static bool has_room(const struct client *client, size_t share)
{
    return !client->is_held && client->waiting < MOST_WAITING / share &&
           client->cost < MOST_COST / share;
}

/* --- answers that need no entry --- */

static void hold(void *context, const void *data, size_t len)
{
    struct client *client = context;
    uint8_t *held = realloc(client->held, client->held_len + len);

    if (held == NULL) {
        connection_close(client->connection);
        return;
    }
    memcpy(held + client->held_len, data, len);
    client->held = held;
    client->held_len += len;
}

/* To be given now, or, if others are owed before, then. */
static struct outbox *answer_to(struct client *client)
{
    struct outbox *replies = &client->kvraft->replies;

    client->is_held = client->waiting > 0;
    outbox_turn(replies, client->is_held ? hold : client_send, client);
    return replies;
}

static void give_held(struct client *client)
{
    outbox_turn(&client->kvraft->replies, client_send, client);
    outbox_put(&client->kvraft->replies, client->held, client->held_len);
    free(client->held);
    client->held = NULL;
    client->held_len = 0;
    client->is_held = false;
}

/* Who leads, as far as this server knows. */
static void redirect(struct client *client, const struct raft_status *status)
{
    char line[32] = "+TRYAGAIN\r\n";

    if (status->leader != RAFT_NOBODY && status->leader != client->kvraft->config.id)
        snprintf(line, sizeof line, "+MOVED %d\r\n", status->leader);
    outbox_put_text(answer_to(client), line);
}

/* What follows such bytes can't be told apart. */
static void refuse(struct client *client)
{
    bool is_simple = client->dialect == DIALECT_SIMPLE;

    outbox_put_text(answer_to(client), is_simple ? "-ERROR\r\n" : "-ERR Protocol error\r\n");
    client->is_ending = true;
}

static void answer(struct client *client, const struct resp_request *request)
{
    struct outbox *replies = answer_to(client);

    if (client->dialect == DIALECT_SIMPLE)
        outbox_put_text(replies, "-ERROR\r\n");
    else if (!tools_answer(request, &client->dialect, replies))
        client->is_ending = true;
}

/* --- requests become entries --- */

static int64_t timeout_ms(const struct kvraft *kvraft)
{
    return (int64_t)TIMEOUTS * kvraft->config.election_max_ms;
}

/* What holds for all requests that came together. */
struct turn {
    struct raft_status status;
    int64_t due_ms;
};

/* The dialects of Redis know EXISTS too, and one word as a value. */
static bool is_for_the_log(const struct client *client, enum verb verb, size_t count)
{
    if (client->dialect == DIALECT_SIMPLE)
        return verb != VERB_NONE && verb != VERB_EXISTS;
    return verb != VERB_NONE && (verb != VERB_SET || count == 3);
}

/* An entry is the request's own bytes; or, if it came as a line, those of the same words. */
static const uint8_t *entry_of(struct kvraft *kvraft, const struct resp_request *request,
                               const uint8_t *bytes, size_t *size)
{
    *size = request->size;
    if (*bytes == RESP_ARRAY)
        return bytes;
    *size = resp_write_array(NULL, 0, request->words, request->count);
    if (*size > kvraft->entry_capacity) {
        uint8_t *entry = realloc(kvraft->entry, *size);
        if (entry == NULL)
            return NULL;
        kvraft->entry = entry;
        kvraft->entry_capacity = *size;
    }
    resp_write_array(kvraft->entry, *size, request->words, request->count);
    return kvraft->entry;
}

/* Without memory for the timer, the next one sets it. */
static void wait_for(struct client *client, struct pending pending)
{
    struct kvraft *kvraft = client->kvraft;

    pending.client = client;
    pending.dialect = client->dialect;
    pendings_add(&kvraft->pendings, pending);
    client->waiting++;
    client->cost += pending.cost;
    if (kvraft->timer.slot == 0)
        loop_set_timer(kvraft->loop, &kvraft->timer, timeout_ms(kvraft));
}

/* A read that needs no entry: its bytes are kept until it may be done.  False: it needs one. */
static bool begin_read(struct kvraft *kvraft, const uint8_t *bytes, size_t size,
                       struct pending *pending)
{
    struct raft_read place;

    if (kvraft->server.begin_read == NULL ||
        !kvraft->server.begin_read(kvraft->server.context, &place))
        return false;
    pending->read = malloc(size);
    if (pending->read == NULL)
        return false;
    memcpy(pending->read, bytes, size);
    pending->read_size = size;
    pending->place = place;
    return true;
}

/* What a GET reads may be what the client has asked to be written just before. */
static size_t cost_of_reply(const struct client *client, struct resp_word key)
{
    size_t size = store_reply_size(client->kvraft->store, key);

    return size > client->largest_set ? size : client->largest_set;
}

/* False: it was not proposed, and never will be. */
static bool begin(struct client *client, const struct resp_request *request, const uint8_t *bytes,
                  enum verb verb, struct pending *pending)
{
    struct kvraft *kvraft = client->kvraft;
    size_t size;
    const uint8_t *entry = entry_of(kvraft, request, bytes, &size);

    if (entry == NULL || !pendings_reserve(&kvraft->pendings))
        return false;
    pending->cost = size;
    if (verb == VERB_GET)
        pending->cost += cost_of_reply(client, request->words[1]);
    if (verb == VERB_SET && size > client->largest_set)
        client->largest_set = size;
    if (is_read(verb) && begin_read(kvraft, entry, size, pending))
        return true;
    pending->place.index = kvraft->server.propose(kvraft->server.context, entry, size);
    return pending->place.index > 0;
}

static void take_request(struct client *client, const struct resp_request *request,
                         const uint8_t *bytes, const struct turn *turn)
{
    struct pending pending = {.place.term = turn->status.term, .due_ms = turn->due_ms};
    enum verb verb = verb_of(request);

    if (request->count == 0)
        return;
    if (!is_for_the_log(client, verb, request->count))
        answer(client, request);
    else if (turn->status.role == RAFT_LEADER && begin(client, request, bytes, verb, &pending))
        wait_for(client, pending);
    else
        redirect(client, &turn->status);
}

/* Returns the size of the requests that were taken. */
static size_t take_requests(struct client *client, const uint8_t *data, size_t len)
{
    struct kvraft *kvraft = client->kvraft;
    const struct turn turn = {
        .status = kvraft->server.status(kvraft->server.context),
        .due_ms = client_now_ms() + timeout_ms(kvraft),
    };
    struct resp_request request;
    size_t used = 0;

    while (!client->is_ending && has_room(client, 1) && !connection_is_full(client->connection)) {
        enum resp_result result =
            requests_parse(&client->requests, data + used, len - used, &request);
        if (result == RESP_MORE)
            break;
        if (result != RESP_DONE) {
            refuse(client);
            break;
        }
        take_request(client, &request, data + used, &turn);
        used += request.size;
    }
    return used;
}

static size_t take_data(void *context, const uint8_t *data, size_t len)
{
    struct client *client = context;
    size_t used = take_requests(client, data, len);

    outbox_flush(&client->kvraft->replies);
    if (client->is_ending) {
        if (client->waiting == 0)
            client_end(client);
        return len;
    }
    if (!has_room(client, 1)) {
        client->is_paused = true;
        connection_pause(client->connection);
    }
    return used;
}

static void take_end(void *context)
{
    struct client *client = context;

    client->is_ending = true;
    if (client->waiting == 0)
        client_end(client);
}

/* One of its requests waits no more. */
void client_release(struct client *client, size_t cost)
{
    if (client->waiting == 1 && !client->has_ended) {
        if (client->is_held)
            give_held(client);
        if (client->is_ending)
            client_end(client);
    }
    client->cost -= cost;
    if (--client->waiting == 0)
        client->largest_set = 0;
    if (client->connection == NULL && client->waiting == 0) {
        free_client(client);
    } else if (client->is_paused && !client->has_ended && has_room(client, 2)) {
        client->is_paused = false;
        connection_resume(client->connection);
    }
}

/* --- a new one --- */

static struct client *new_client(struct kvraft *kvraft)
{
    struct client *client = calloc(1, sizeof *client);

    if (client == NULL)
        return NULL;
    client->kvraft = kvraft;
    client->dialect = kvraft->config.is_resp2 ? DIALECT_RESP2 : DIALECT_SIMPLE;
    if (requests_init(&client->requests, kvraft->config.is_resp2))
        return client;
    free_client(client);
    return NULL;
}

static void insert(struct kvraft *kvraft, struct client *client)
{
    client->next = kvraft->clients;
    client->place = &kvraft->clients;
    if (client->next != NULL)
        client->next->place = &client->next;
    kvraft->clients = client;
}

/* A reply leaves when it is there, whether or not the client has acknowledged the one before: tcp(7),
 * TCP_NODELAY. */
void client_serve(struct kvraft *kvraft, int fd)
{
    static const struct connection_events events = {.on_data = take_data,
                                                    .on_end = take_end,
                                                    .on_close = forget};
    struct client *client = new_client(kvraft);

    if (client == NULL)
        goto refused;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    client->connection = connection_new(kvraft->loop, fd, &events, client);
    if (client->connection != NULL) {
        insert(kvraft, client);
        return;
    }
    free_client(client);
refused:
    close(fd);
}
