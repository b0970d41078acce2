/* raft_pools_clients.c - the clients of raft_pools.  What one sends goes to the client pool in
 * pieces, as jobs of its lane: a worker reads and answers the requests in them, and the loop's
 * thread sends the replies.  So they come in the order of the requests.
 *
 * A client is there until its connection and all its jobs are gone.  So a job that ends too late
 * finds its own client, whose connection is NULL, and never the next one, which may have got the
 * same descriptor.  One whose lane has no room is held: it is not read from until a job is done. */
#include "raft_pools.h"

#include "connection.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PIECE = 64 << 10 };

struct buffer {
    uint8_t *data;
    size_t len, capacity;
};

struct client {
    struct client_side *side;
    struct connection *connection; /* NULL: it is gone */
    struct client *next, **place;
    struct lane lane;
    bool is_held, is_over; /* over: nothing more is taken from it */

    /* The lane's: of the worker that has a job of it. */
    struct node_requests requests;
    struct buffer input; /* the beginning of a request */
    bool is_broken;      /* it has had its last reply */
};

struct piece {
    struct lane_job job;
    struct client *client;
    struct buffer replies;
    bool is_last;
    size_t len;
    uint8_t data[];
};

/* False: no memory. */
static bool append(struct buffer *buffer, const void *data, size_t len)
{
    if (len > buffer->capacity - buffer->len) {
        size_t capacity = 2 * buffer->capacity + len;
        uint8_t *grown = realloc(buffer->data, capacity);
        if (grown == NULL)
            return false;
        buffer->data = grown;
        buffer->capacity = capacity;
    }
    if (len > 0)
        memcpy(buffer->data + buffer->len, data, len);
    buffer->len += len;
    return true;
}

/* --- in a worker's thread --- */

/* Returns the size of what was answered.  *result is that of the last look. */
static size_t answer_all(struct piece *piece, const uint8_t *data, size_t len,
                         enum resp_result *result)
{
    struct client *client = piece->client;
    int32_t leader = shared_leader(client->side->shared);
    struct node_reply reply;
    size_t used = 0, size = 0;

    for (*result = RESP_DONE; *result == RESP_DONE; used += size) {
        size = 0;
        *result = node_answer(&client->requests, leader, data + used, len - used, &reply, &size);
        if (*result != RESP_MORE && !append(&piece->replies, reply.text, reply.len))
            *result = RESP_NO_MEMORY;
    }
    return used;
}

/* What is left is the beginning of a request.  False: no memory. */
static bool keep_rest(struct buffer *input, const struct piece *piece, size_t used)
{
    if (input->len == 0)
        return append(input, piece->data + used, piece->len - used);
    input->len -= used;
    memmove(input->data, input->data + used, input->len);
    return true;
}

static void work(struct lane_job *job)
{
    struct piece *piece = (struct piece *)job;
    struct client *client = piece->client;
    struct buffer *input = &client->input;
    enum resp_result result = RESP_NO_MEMORY;
    size_t used = 0;

    if (client->is_broken)
        return;
    if (input->len == 0)
        used = answer_all(piece, piece->data, piece->len, &result);
    else if (append(input, piece->data, piece->len))
        used = answer_all(piece, input->data, input->len, &result);
    if (result != RESP_MORE || !keep_rest(input, piece, used))
        piece->is_last = client->is_broken = true;
}

/* --- in the loop's thread --- */

static void free_client(struct client *client)
{
    node_requests_free(&client->requests);
    free(client->input.data);
    free(client);
}

/* What follows when a job is done, or when there is none.  The client may be gone when this
 * returns. */
static void settle(struct client *client)
{
    if (client->connection == NULL && client->lane.jobs == 0) {
        free_client(client);
    } else if (client->connection != NULL && client->is_over && client->lane.jobs == 0) {
        connection_finish(client->connection);
    } else if (client->connection != NULL && client->is_held) {
        client->is_held = false;
        connection_resume(client->connection);
    }
}

static void done(struct lane_job *job)
{
    struct piece *piece = (struct piece *)job;
    struct client *client = piece->client;

    if (client->connection != NULL && piece->replies.len > 0)
        connection_send(client->connection, piece->replies.data, piece->replies.len);
    client->is_over |= piece->is_last;
    free(piece->replies.data);
    free(piece);
    settle(client);
}

/* False: the lane has no room now. */
static bool submit(struct client *client, const uint8_t *data, size_t len)
{
    struct piece *piece = malloc(sizeof *piece + len);

    if (piece == NULL) {
        client->is_over = true;
        return true;
    }
    *piece = (struct piece){.job = {.work = work, .done = done}, .client = client, .len = len};
    memcpy(piece->data, data, len);
    if (lanes_submit(client->side->lanes, &client->lane, &piece->job) == 0)
        return true;
    free(piece);
    return false;
}

static size_t take_data(void *context, const uint8_t *data, size_t len)
{
    struct client *client = context;
    size_t used = 0;

    while (!client->is_over && !client->is_held && used < len) {
        size_t size = len - used < PIECE ? len - used : PIECE;
        client->is_held = !submit(client, data + used, size);
        used += client->is_held ? 0 : size;
    }
    if (client->is_held)
        connection_pause(client->connection);
    if (!client->is_over)
        return used;
    settle(client);
    return len;
}

static void take_end(void *context)
{
    struct client *client = context;

    client->is_over = true;
    settle(client);
}

static void forget(void *context, int error)
{
    struct client *client = context;

    (void)error;
    client->connection = NULL;
    *client->place = client->next;
    if (client->next != NULL)
        client->next->place = client->place;
    if (client->lane.jobs == 0)
        settle(client);
    else
        lanes_drop(client->side->lanes, &client->lane);
}

static void insert(struct client_side *side, struct client *client)
{
    client->next = side->clients;
    client->place = &side->clients;
    if (client->next != NULL)
        client->next->place = &client->next;
    side->clients = client;
}

void client_side_serve(struct client_side *side, int fd)
{
    static const struct connection_events events = {.on_data = take_data,
                                                    .on_end = take_end,
                                                    .on_close = forget};
    struct client *client = calloc(1, sizeof *client);

    if (client == NULL)
        goto refused;
    client->side = side;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    if (node_requests_init(&client->requests, side->shared->core.cluster.self, side->is_resp2))
        client->connection = connection_new(side->loop, fd, &events, client);
    if (client->connection == NULL)
        goto refused;
    insert(side, client);
    return;
refused:
    if (client != NULL)
        free_client(client);
    close(fd);
}

void client_side_leave(struct client_side *side)
{
    while (side->clients != NULL)
        connection_close(side->clients->connection);
}
