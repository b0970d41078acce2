/* kvraft_clients.c - the clients of kvraft.c: requests in, replies out, in their order.
 *
 * A client has a queue of places (places.h), and replies leave from its front.  Clients whose
 * replies may leave are collected, so that all of them leave at once, and none from inside of the
 * core. */
#include "kvraft_state.h"

#include "connection.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    LARGEST_REQUEST = 15 << 20, /* PROTOCOL, section 1: it has to fit into a message */
    CLIENT_BOUND = 1 << 20,     /* what a client may keep busy, before it is read from again */
};

/* --- a client's end --- */

static void free_client(struct client *client)
{
    resp_parser_free(client->parser);
    resp2_parser_free(client->parser2);
    free(client);
}

/* Its entries will be applied all the same, and find nobody in the line. */
static void forget(void *context, int error)
{
    struct client *client = context;
    struct place *next;

    (void)error;
    for (struct place *place = client->first; place != NULL; place = next) {
        next = place->next;
        place_free(place);
    }
    client->first = client->last = NULL;
    *(client->before != NULL ? &client->before->behind : &client->kvraft->clients) = client->behind;
    if (client->behind != NULL)
        client->behind->before = client->before;
    client->connection = NULL;
    if (!client->is_ready)
        free_client(client);
}

/* --- replies, in the order of requests --- */

void kvraft_put_result(void *context, const void *data, size_t len)
{
    if (context != NULL)
        place_put(context, data, len);
}

void kvraft_put_output(void *context, const void *data, size_t len)
{
    const struct client *client = context;

    if (client->connection != NULL)
        connection_send(client->connection, data, len);
}

static struct place *take_first(struct client *client)
{
    struct place *place = client->first;

    client->first = place->next;
    if (client->first == NULL)
        client->last = NULL;
    client->charge -= place->charge;
    return place;
}

/* To send may end the connection, and with it the queue. */
static void send_known(struct client *client)
{
    struct replies *output = &client->kvraft->output;

    output->context = client;
    while (client->first != NULL && client->first->state == PLACE_KNOWN) {
        struct place *place = take_first(client);
        replies_put(output, place->reply, place->len);
        place_free(place);
    }
    replies_flush(output);
}

static bool may_take_more(const struct client *client)
{
    return !client->asks_no_more && client->charge < CLIENT_BOUND;
}

/* Sends what is known up to the first that waits.  Where the outcome is not known, the connection
 * ends without a reply, which says just that; so it does for all requests behind it. */
static void serve_queue(struct client *client)
{
    bool was_ready = client->is_ready;

    client->is_ready = true; /* so it stays in place if its connection ends meanwhile */
    send_known(client);
    if (client->connection != NULL &&
        (client->first != NULL ? client->first->state == PLACE_UNKNOWN : client->asks_no_more)) {
        client->asks_no_more = true;
        connection_finish(client->connection);
    }
    if (client->connection != NULL && client->is_paused && may_take_more(client)) {
        client->is_paused = false;
        connection_resume(client->connection);
    }
    client->is_ready = was_ready;
    if (client->connection == NULL && !was_ready)
        free_client(client);
}

void kvraft_make_ready(struct client *client)
{
    if (client->is_ready)
        return;
    client->is_ready = true;
    client->next_ready = client->kvraft->ready;
    client->kvraft->ready = client;
}

void kvraft_serve_ready(struct kvraft *kvraft)
{
    while (kvraft->ready != NULL) {
        struct client *client = kvraft->ready;
        kvraft->ready = client->next_ready;
        client->is_ready = false;
        if (client->connection != NULL)
            serve_queue(client);
        else
            free_client(client);
    }
}

/* --- requests --- */

/* The bytes that go into an entry: those of the request, unless it was a line. */
static const uint8_t *entry_of(const struct resp_request *request, const uint8_t *data, size_t *len,
                               uint8_t **own)
{
    *own = NULL;
    *len = request->size;
    if (data[0] == RESP_ARRAY)
        return data;
    *len = resp_write_array(NULL, 0, request->words, request->count);
    *own = malloc(*len);
    if (*own != NULL)
        resp_write_array(*own, *len, request->words, request->count);
    return *own;
}

/* Its place comes last in the queue. */
static struct place *add_place(struct client *client, size_t charge)
{
    struct place *place = place_new(client);

    if (place == NULL)
        return NULL;
    place->redis = client->redis;
    place->charge = sizeof *place + charge;
    client->charge += place->charge;
    *(client->last != NULL ? &client->last->next : &client->first) = place;
    client->last = place;
    return place;
}

static bool take_command(struct client *client, const struct resp_request *request,
                         const uint8_t *data)
{
    struct kvraft *kvraft = client->kvraft;
    size_t len, expected = store_expected_reply(kvraft->store, request);
    struct place *place = add_place(client, request->size + expected);
    uint8_t *own;

    if (place == NULL)
        return false;
    const uint8_t *bytes = entry_of(request, data, &len, &own);
    kvraft_propose(kvraft, place, request, bytes, len);
    free(own);
    return true;
}

/* What concerns no table, and what is wrong, has its reply at once: on every node the same. */
static bool take_other(struct client *client, const struct resp_request *request)
{
    struct kvraft *kvraft = client->kvraft;

    if (request->count == 0)
        return true;
    struct place *place = add_place(client, request->size);
    if (place == NULL)
        return false;
    kvraft->results.context = place;
    store_answer(kvraft->store, request, &client->redis, &kvraft->results);
    replies_flush(&kvraft->results);
    client->asks_no_more = client->redis.has_quit;
    return true;
}

static enum resp_result parse(struct client *client, const uint8_t *data, size_t len,
                              struct resp_request *request)
{
    enum resp_result result = client->parser2 != NULL
                                  ? resp2_parse(client->parser2, data, len, request)
                                  : resp_parse(client->parser, data, len, request);
    size_t size = 0;

    if (result == RESP_DONE)
        size = request->size;
    else if (result == RESP_MORE && len > 0 && data[0] == RESP_ARRAY)
        size = request_size_look(&client->size, data, len);
    if (result != RESP_MORE)
        client->size = (struct request_size){0};
    return size > LARGEST_REQUEST ? RESP_ERROR : result;
}

/* What follows such bytes can't be told apart.  Replies to all before them come first. */
static bool refuse(struct client *client)
{
    const char *error = client->parser2 != NULL ? "-ERR Protocol error\r\n" : "-ERROR\r\n";
    struct place *place = add_place(client, 0);

    if (place == NULL)
        return false;
    place_put(place, error, strlen(error));
    client->asks_no_more = true;
    return true;
}

/* Takes requests, as many as may wait.  *used is the size of them.  False: no memory. */
static bool take_requests(struct client *client, const uint8_t *data, size_t len, size_t *used,
                          bool *is_done)
{
    struct resp_request request;
    bool has_memory = true;

    *is_done = false;
    while (has_memory && !*is_done && may_take_more(client)) {
        enum resp_result result = parse(client, data + *used, len - *used, &request);
        if (result == RESP_DONE) {
            has_memory = store_is_command(client->kvraft->store, &request)
                             ? take_command(client, &request, data + *used)
                             : take_other(client, &request);
            *used += request.size;
        } else {
            *is_done = true;
            has_memory = result == RESP_MORE || refuse(client);
        }
    }
    return has_memory;
}

/* --- clients --- */

/* A client that has too much waiting is not read from, until enough of it has gone. */
static size_t take_data(void *context, const uint8_t *data, size_t len)
{
    struct client *client = context;
    struct connection *connection = client->connection;
    size_t used = 0;
    bool is_done = false;

    while (!is_done && may_take_more(client) && !connection_is_full(connection)) {
        if (!take_requests(client, data, len, &used, &is_done)) {
            connection_close(connection);
            return len;
        }
        serve_queue(client);
    }
    if (client->asks_no_more)
        return len;
    if (!may_take_more(client)) {
        client->is_paused = true;
        connection_pause(connection);
    }
    return used;
}

/* It is owed all that it asked for before. */
static void take_end(void *context)
{
    struct client *client = context;

    client->asks_no_more = true;
    serve_queue(client);
}

static struct client *new_client(struct kvraft *kvraft)
{
    struct client *client = calloc(1, sizeof *client);

    if (client == NULL)
        return NULL;
    client->kvraft = kvraft;
    if (kvraft->config.is_resp2)
        client->parser2 = resp2_parser_new();
    else
        client->parser = resp_parser_new();
    if (client->parser != NULL || client->parser2 != NULL)
        return client;
    free_client(client);
    return NULL;
}

void kvraft_serve(struct kvraft *kvraft, int fd)
{
    static const struct connection_events events = {.on_data = take_data,
                                                    .on_end = take_end,
                                                    .on_close = forget};
    struct client *client = new_client(kvraft);

    if (client == NULL)
        goto refused;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    client->connection = connection_new(kvraft->loop, fd, &events, client);
    if (client->connection == NULL)
        goto refused;
    client->behind = kvraft->clients;
    if (kvraft->clients != NULL)
        kvraft->clients->before = client;
    kvraft->clients = client;
    return;
refused:
    if (client != NULL)
        free_client(client);
    close(fd);
}
