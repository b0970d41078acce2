/* rpc_call.c - a client's side: a list of the calls that wait for a reply. */
#include "rpc_call.h"

#include "rpc_frame.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A call without a reply. */
struct call {
    struct rpc_client *client;
    struct call *next;
    uint32_t call_id, request_id;
    struct loop_timer timer;
    void (*on_reply)(void *context, const struct rpc_reply *reply);
    void *context;
};

struct rpc_client {
    struct loop *loop;
    struct connection *connection; /* NULL: it is lost */
    uint32_t last_request_id;
    struct call *first;
    bool freed; /* as soon as the connection is closed */
};

static struct call **find_call(struct rpc_client *client, uint32_t request_id)
{
    struct call **place = &client->first;

    while (*place != NULL && (*place)->request_id != request_id)
        place = &(*place)->next;
    return place;
}

/* Takes the call at *place out of the list, first of all; then tells. */
static void end_call(struct call **place, const struct rpc_reply *reply)
{
    struct call *call = *place;

    *place = call->next;
    loop_clear_timer(call->client->loop, &call->timer);
    call->on_reply(call->context, reply);
    free(call);
}

static void time_out(void *context)
{
    struct call *call = context;

    end_call(find_call(call->client, call->request_id),
             &(struct rpc_reply){.status = RPC_TIMED_OUT});
}

static void lose_calls(struct rpc_client *client)
{
    while (client->first != NULL)
        end_call(&client->first, &(struct rpc_reply){.status = RPC_LOST});
}

/* False: malformed. */
static bool take_reply(struct rpc_client *client, const struct frame *frame)
{
    struct call **place = find_call(client, frame->request_id);
    struct rpc_reply reply = {(enum rpc_status)frame->data[0], frame->data + 1,
                              frame->data_size - 1};

    if (frame->data[0] > RPC_UNKNOWN_PROCEDURE ||
        (reply.status == RPC_UNKNOWN_PROCEDURE && reply.size > 0))
        return false;
    if (*place == NULL) /* it comes too late */
        return true;
    if ((*place)->call_id != frame->call_id)
        return false;
    end_call(place, &reply);
    return true;
}

/* Finds the calls that the replies are for. */
static size_t take_replies(void *context, const uint8_t *data, size_t len)
{
    struct rpc_client *client = context;
    enum message_result result;
    struct frame frame;
    size_t used = 0;

    while ((result = read_frame(data + used, len - used, REPLY_SIZE, &frame)) == MESSAGE_DONE &&
           take_reply(client, &frame))
        used += frame.size;
    if (result == MESSAGE_MORE)
        return used;
    connection_close(client->connection);
    return len;
}

/* No reply can come any more. */
static void end_replies(void *context)
{
    struct rpc_client *client = context;

    connection_close(client->connection);
}

/* The connection is gone. */
static void lose(void *context, int error)
{
    struct rpc_client *client = context;

    (void)error;
    client->connection = NULL;
    lose_calls(client);
    if (client->freed)
        free(client);
}

struct rpc_client *rpc_client_new(struct loop *loop, int fd)
{
    static const struct connection_events events = {.on_data = take_replies,
                                                    .on_end = end_replies,
                                                    .on_close = lose};
    struct rpc_client *client = calloc(1, sizeof *client);

    if (client == NULL)
        return NULL;
    client->loop = loop;
    send_at_once(fd);
    client->connection = connection_new(loop, fd, &events, client);
    if (client->connection == NULL) {
        int error = errno;
        free(client);
        errno = error;
        return NULL;
    }
    return client;
}

/* connection_close may call lose later, which then frees the client. */
void rpc_client_free(struct rpc_client *client)
{
    struct connection *connection = client->connection;

    client->connection = NULL;
    lose_calls(client);
    client->freed = true;
    if (connection != NULL)
        connection_close(connection);
    else
        free(client);
}

int rpc_call(struct rpc_client *client, uint32_t call_id, const uint8_t *arguments, size_t size,
             int64_t timeout_ms, void (*on_reply)(void *context, const struct rpc_reply *reply),
             void *context)
{
    if (client->connection == NULL) {
        errno = ENOTCONN;
        return -1;
    }
    struct call *call = calloc(1, sizeof *call);
    if (call == NULL)
        return -1;
    *call = (struct call){.client = client,
                          .call_id = call_id,
                          .request_id = ++client->last_request_id,
                          .timer = {.on_time = time_out, .context = call},
                          .on_reply = on_reply,
                          .context = context};
    if (loop_set_timer(client->loop, &call->timer, timeout_ms) < 0)
        goto failed;
    if (send_frame(client->connection, call_id, call->request_id, NO_STATUS, arguments, size) < 0)
        goto failed;
    call->next = client->first;
    client->first = call;
    return 0;

failed:;
    int error = errno;
    loop_clear_timer(client->loop, &call->timer);
    free(call);
    errno = error;
    return -1;
}
