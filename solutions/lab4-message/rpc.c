/* rpc.c - both sides of rpc.h.
 *
 * A client keeps a list of the calls that wait for a reply, and finds the one that a reply is for by
 * its request id.  A server keeps a list of the requests that wait for an answer, so that these
 * learn when their connection is gone: a procedure may answer long after that.
 *
 * A call and its reply go out in one piece, and at once (TCP_NODELAY): without that, the second of
 * two calls would wait until the first one is acknowledged, for up to 40 ms: tcp(7). */
#include "message_reader.h"
#include "rpc_call.h"
#include "rpc_serve.h"

#include "bytes.h"
#include "connection.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* Of a payload, without what the procedure defines. */
enum { CALL_SIZE = 4, REPLY_SIZE = 5, NO_STATUS = -1 };

/* A frame that came.  data is all that follows the request id. */
struct frame {
    uint32_t call_id, request_id;
    const uint8_t *data;
    size_t data_size;
    size_t size; /* of the whole frame */
};

static enum message_result read_frame(const uint8_t *window, size_t len, uint32_t least,
                                      struct frame *frame)
{
    if (len < MESSAGE_HEADER_SIZE)
        return MESSAGE_MORE;
    uint32_t call_id = get_u32(window), payload_size = get_u32(window + 4);
    if (call_id < RPC_FIRST_CALL_ID || payload_size < least ||
        payload_size > MESSAGE_LARGEST_PAYLOAD)
        return MESSAGE_MALFORMED;
    if (len - MESSAGE_HEADER_SIZE < payload_size)
        return MESSAGE_MORE;
    const uint8_t *payload = window + MESSAGE_HEADER_SIZE;
    *frame = (struct frame){call_id, get_u32(payload), payload + CALL_SIZE,
                            payload_size - CALL_SIZE, MESSAGE_HEADER_SIZE + payload_size};
    return MESSAGE_DONE;
}

/* status is NO_STATUS for a call.  -1 with errno, ENOMEM or EMSGSIZE, and nothing is sent. */
static int send_frame(struct connection *connection, uint32_t call_id, uint32_t request_id,
                      int status, const uint8_t *data, size_t data_size)
{
    size_t least = status == NO_STATUS ? CALL_SIZE : REPLY_SIZE;
    if (data_size > MESSAGE_LARGEST_PAYLOAD - least) {
        errno = EMSGSIZE;
        return -1;
    }
    size_t payload_size = least + data_size;
    uint8_t *frame = malloc(MESSAGE_HEADER_SIZE + payload_size);
    if (frame == NULL)
        return -1;

    uint8_t *out = put_u32(frame, call_id);
    out = put_u32(out, (uint32_t)payload_size);
    out = put_u32(out, request_id);
    if (status != NO_STATUS)
        *out++ = (uint8_t)status;
    if (data_size > 0)
        memcpy(out, data, data_size);
    connection_send(connection, frame, MESSAGE_HEADER_SIZE + payload_size);
    free(frame);
    return 0;
}

static void send_at_once(int fd)
{
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
}

/* --- a client's side --- */

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
    struct call *first, **end; /* the oldest first */
};

static struct call **find_call(struct rpc_client *client, uint32_t request_id)
{
    struct call **place = &client->first;

    while (*place != NULL && (*place)->request_id != request_id)
        place = &(*place)->next;
    return place;
}

/* Takes the call out of the list, tells its owner, and forgets it. */
static void conclude(struct rpc_client *client, struct call **place, struct rpc_reply reply)
{
    struct call *call = *place;

    *place = call->next;
    if (*place == NULL)
        client->end = place;
    loop_clear_timer(client->loop, &call->timer);
    call->on_reply(call->context, &reply);
    free(call);
}

static void time_out(void *context)
{
    struct call *call = context;

    conclude(call->client, find_call(call->client, call->request_id),
             (struct rpc_reply){.status = RPC_TIMED_OUT});
}

/* False if the reply is malformed.  One that nobody waits for any more is dropped. */
static bool take_reply(struct rpc_client *client, const struct frame *frame)
{
    struct call **place = find_call(client, frame->request_id);
    uint8_t status = frame->data[0];
    struct rpc_reply reply = {(enum rpc_status)status, frame->data + 1, frame->data_size - 1};

    if (status > RPC_UNKNOWN_PROCEDURE || (status == RPC_UNKNOWN_PROCEDURE && reply.size > 0))
        return false;
    if (*place == NULL)
        return true;
    if ((*place)->call_id != frame->call_id)
        return false;
    conclude(client, place, reply);
    return true;
}

static size_t take_replies(void *context, const uint8_t *data, size_t len)
{
    struct rpc_client *client = context;
    enum message_result result;
    struct frame frame;
    size_t used = 0;

    while ((result = read_frame(data + used, len - used, REPLY_SIZE, &frame)) == MESSAGE_DONE &&
           take_reply(client, &frame))
        used += frame.size;
    if (result != MESSAGE_MORE)
        connection_close(client->connection);
    return used;
}

static void lose(void *context, int error)
{
    struct rpc_client *client = context;

    (void)error;
    client->connection = NULL;
    while (client->first != NULL)
        conclude(client, &client->first, (struct rpc_reply){.status = RPC_LOST});
}

struct rpc_client *rpc_client_new(struct loop *loop, int fd)
{
    static const struct connection_events events = {.on_data = take_replies, .on_close = lose};
    struct rpc_client *client = calloc(1, sizeof *client);

    if (client == NULL)
        return NULL;
    client->loop = loop;
    client->end = &client->first;
    client->connection = connection_new(loop, fd, &events, client);
    if (client->connection == NULL) {
        int error = errno;
        free(client);
        errno = error;
        return NULL;
    }
    send_at_once(fd);
    return client;
}

void rpc_client_free(struct rpc_client *client)
{
    if (client->connection != NULL)
        connection_close(client->connection);
    free(client);
}

/* Sends the call, and sets its timer. */
static int begin(struct call *call, const uint8_t *arguments, size_t size, int64_t timeout_ms)
{
    struct rpc_client *client = call->client;

    if (loop_set_timer(client->loop, &call->timer, timeout_ms) < 0)
        return -1;
    if (send_frame(client->connection, call->call_id, call->request_id, NO_STATUS, arguments,
                   size) == 0)
        return 0;
    loop_clear_timer(client->loop, &call->timer);
    return -1;
}

int rpc_call(struct rpc_client *client, uint32_t call_id, const uint8_t *arguments, size_t size,
             int64_t timeout_ms, void (*on_reply)(void *context, const struct rpc_reply *reply),
             void *context)
{
    if (client->connection == NULL) {
        errno = ENOTCONN;
        return -1;
    }
    struct call *call = malloc(sizeof *call);
    if (call == NULL)
        return -1;
    *call = (struct call){.client = client,
                          .call_id = call_id,
                          .request_id = client->last_request_id + 1,
                          .timer = {.on_time = time_out, .context = call},
                          .on_reply = on_reply,
                          .context = context};
    if (begin(call, arguments, size, timeout_ms) < 0) {
        int error = errno;
        free(call);
        errno = error;
        return -1;
    }
    client->last_request_id = call->request_id;
    *client->end = call;
    client->end = &call->next;
    return 0;
}

/* --- a server's side --- */

/* A connection with a client. */
struct session {
    struct connection *connection;
    const struct rpc_service *service;
    struct rpc_request *first;
    int count;  /* of requests */
    bool ended; /* the client sends no more calls */
};

struct rpc_request {
    struct session *session; /* NULL: it is gone */
    struct rpc_request *next, *previous;
    uint32_t call_id, request_id;
};

static struct rpc_request *add_request(struct session *session, const struct frame *frame)
{
    struct rpc_request *request = malloc(sizeof *request);

    if (request == NULL)
        return NULL;
    *request =
        (struct rpc_request){session, session->first, NULL, frame->call_id, frame->request_id};
    if (session->first != NULL)
        session->first->previous = request;
    session->first = request;
    session->count++;
    return request;
}

static void remove_request(struct session *session, struct rpc_request *request)
{
    if (request->next != NULL)
        request->next->previous = request->previous;
    if (request->previous != NULL)
        request->previous->next = request->next;
    else
        session->first = request->next;
    session->count--;
}

/* Ends the request.  The session may be gone when this returns. */
static void reply(struct rpc_request *request, enum rpc_status status, const uint8_t *data,
                  size_t size)
{
    struct session *session = request->session;

    if (session != NULL) {
        remove_request(session, request);
        if (send_frame(session->connection, request->call_id, request->request_id, (int)status,
                       data, size) < 0)
            connection_close(session->connection);
        else if (session->ended && session->count == 0)
            connection_finish(session->connection);
    }
    free(request);
}

void rpc_answer(struct rpc_request *request, const uint8_t *results, size_t size)
{
    reply(request, RPC_FINE, results, size);
}

void rpc_fail(struct rpc_request *request, const char *text)
{
    reply(request, RPC_FAILED, (const uint8_t *)text, strlen(text));
}

static const struct rpc_procedure *find_procedure(const struct rpc_service *service,
                                                  uint32_t call_id)
{
    for (size_t i = 0; i < service->count; i++)
        if (service->procedures[i].call_id == call_id)
            return &service->procedures[i];
    return NULL;
}

/* False if the call is malformed, or there is no memory for it. */
static bool take_call(struct session *session, const struct frame *frame)
{
    const struct rpc_procedure *procedure = find_procedure(session->service, frame->call_id);

    if (procedure != NULL && frame->data_size != procedure->arguments_size)
        return false;
    struct rpc_request *request = add_request(session, frame);
    if (request == NULL)
        return false;
    if (procedure == NULL)
        reply(request, RPC_UNKNOWN_PROCEDURE, NULL, 0);
    else if (session->count > RPC_MOST_CALLS)
        rpc_fail(request, "too many calls");
    else
        procedure->run(request, frame->data, session->service->context);
    return true;
}

/* A client that does not take its replies is not served meanwhile. */
static size_t take_calls(void *context, const uint8_t *data, size_t len)
{
    struct session *session = context;
    struct frame frame;
    size_t used = 0;

    while (!connection_is_full(session->connection)) {
        enum message_result result = read_frame(data + used, len - used, CALL_SIZE, &frame);
        if (result == MESSAGE_MORE)
            break;
        if (result != MESSAGE_DONE || !take_call(session, &frame)) {
            connection_close(session->connection);
            break;
        }
        used += frame.size;
    }
    return used;
}

static void take_end(void *context)
{
    struct session *session = context;

    session->ended = true;
    if (session->count == 0)
        connection_finish(session->connection);
}

/* The procedures that are at work go on, and answer to nobody. */
static void forget(void *context, int error)
{
    struct session *session = context;

    (void)error;
    for (struct rpc_request *request = session->first; request != NULL; request = request->next)
        request->session = NULL;
    free(session);
}

int rpc_serve(struct loop *loop, int fd, const struct rpc_service *service)
{
    static const struct connection_events events = {take_calls, take_end, NULL, forget};
    struct session *session = calloc(1, sizeof *session);

    if (session == NULL)
        return -1;
    session->service = service;
    session->connection = connection_new(loop, fd, &events, session);
    if (session->connection == NULL) {
        int error = errno;
        free(session);
        errno = error;
        return -1;
    }
    send_at_once(fd);
    return 0;
}
