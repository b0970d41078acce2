/* rpc.c - both sides of rpc.h.
 *
 * A client keeps a list of the calls that wait for a reply.  A server keeps a list of the requests
 * that wait for an answer: a procedure may answer after its connection is gone. */
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

/* As message_read; a payload has least bytes, or more.  call_id and size are set as soon as the header
 * is there and fine, the rest with MESSAGE_DONE.  size is 0 before that. */
static enum message_result read_frame(const uint8_t *window, size_t len, uint32_t least,
                                      struct frame *frame)
{
    *frame = (struct frame){0};
    if (len < MESSAGE_HEADER_SIZE)
        return MESSAGE_MORE;
    uint32_t call_id = get_u32(window), payload_size = get_u32(window + 4);
    if (call_id < RPC_FIRST_CALL_ID || payload_size < least ||
        payload_size > MESSAGE_LARGEST_PAYLOAD)
        return MESSAGE_MALFORMED;
    frame->call_id = call_id;
    frame->size = MESSAGE_HEADER_SIZE + (size_t)payload_size;
    if (len < frame->size)
        return MESSAGE_MORE;
    frame->request_id = get_u32(window + MESSAGE_HEADER_SIZE);
    frame->data = window + MESSAGE_HEADER_SIZE + CALL_SIZE;
    frame->data_size = payload_size - CALL_SIZE;
    return MESSAGE_DONE;
}

/* status is NO_STATUS for a call.  One piece. */
static int send_frame(struct connection *connection, uint32_t call_id, uint32_t request_id,
                      int status, const uint8_t *data, size_t data_size)
{
    size_t fixed = status == NO_STATUS ? CALL_SIZE : REPLY_SIZE;

    if (data_size > MESSAGE_LARGEST_PAYLOAD - fixed) {
        errno = EMSGSIZE;
        return -1;
    }
    size_t payload_size = fixed + data_size;
    uint8_t *frame = malloc(MESSAGE_HEADER_SIZE + payload_size), *out = frame;
    if (frame == NULL)
        return -1;
    out = put_u32(out, call_id);
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

/* Nagle's algorithm would keep the second of two small frames until the first is acknowledged.  A
 * socket that isn't TCP has no such thing, so an error is none. */
static void send_at_once(int fd)
{
    int on = 1;

    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
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
    static const struct connection_events events = {
        .on_data = take_replies, .on_end = end_replies, .on_close = lose};
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

/* --- a server's side --- */

/* A connection with a client. */
struct session {
    struct connection *connection;
    const struct rpc_service *service;
    struct rpc_request *first;
    int count;  /* of requests */
    bool ended; /* no more calls are taken */
};

struct rpc_request {
    struct session *session; /* NULL: it is gone */
    struct rpc_request *next, *previous;
    uint32_t call_id, request_id;
};

/* A reply that can't be sent must not be waited for. */
static void send_reply(struct session *session, uint32_t call_id, uint32_t request_id, int status,
                       const uint8_t *data, size_t size)
{
    if (send_frame(session->connection, call_id, request_id, status, data, size) < 0)
        connection_close(session->connection);
}

static void send_text(struct session *session, const struct frame *frame, const char *text)
{
    send_reply(session, frame->call_id, frame->request_id, RPC_FAILED, (const uint8_t *)text,
               strlen(text));
}

static struct rpc_request *add_request(struct session *session, const struct frame *frame)
{
    struct rpc_request *request = calloc(1, sizeof *request);

    if (request == NULL)
        return NULL;
    *request = (struct rpc_request){session, session->first, NULL, frame->call_id,
                                    frame->request_id};
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

/* The session may be gone after this. */
static void finish_if_done(struct session *session)
{
    if (session->ended && session->count == 0)
        connection_finish(session->connection);
}

static void end_request(struct rpc_request *request, int status, const uint8_t *data, size_t size)
{
    struct session *session = request->session;
    struct rpc_request ended = *request;

    if (session != NULL)
        remove_request(session, request);
    free(request);
    if (session == NULL)
        return;
    if (send_frame(session->connection, ended.call_id, ended.request_id, status, data, size) < 0)
        connection_close(session->connection);
    else
        finish_if_done(session);
}

void rpc_answer(struct rpc_request *request, const uint8_t *results, size_t size)
{
    end_request(request, RPC_FINE, results, size);
}

void rpc_fail(struct rpc_request *request, const char *text)
{
    end_request(request, RPC_FAILED, (const uint8_t *)text, strlen(text));
}

/* NULL: there is none. */
static const struct rpc_procedure *find_procedure(const struct rpc_service *service,
                                                  uint32_t call_id)
{
    for (size_t i = 0; i < service->count; i++)
        if (service->procedures[i].call_id == call_id)
            return &service->procedures[i];
    return NULL;
}

/* As read_frame; and arguments of a wrong size are told by the header. */
static enum message_result read_call(const struct session *session, const uint8_t *data, size_t len,
                                     struct frame *frame)
{
    enum message_result result = read_frame(data, len, CALL_SIZE, frame);

    if (frame->size == 0)
        return result;
    const struct rpc_procedure *procedure = find_procedure(session->service, frame->call_id);
    if (procedure != NULL &&
        frame->size != MESSAGE_HEADER_SIZE + CALL_SIZE + procedure->arguments_size)
        return MESSAGE_MALFORMED;
    return result;
}

static void dispatch(struct session *session, const struct frame *frame)
{
    const struct rpc_procedure *procedure = find_procedure(session->service, frame->call_id);
    struct rpc_request *request;

    if (procedure == NULL)
        send_reply(session, frame->call_id, frame->request_id, RPC_UNKNOWN_PROCEDURE, NULL, 0);
    else if (session->count >= RPC_MOST_CALLS)
        send_text(session, frame, "too many calls");
    else if ((request = add_request(session, frame)) == NULL)
        send_text(session, frame, "out of memory");
    else
        procedure->run(request, frame->data, session->service->context);
}

/* After a malformed call nothing is taken any more, and the calls before it are answered. */
static size_t take_calls(void *context, const uint8_t *data, size_t len)
{
    struct session *session = context;
    enum message_result result;
    struct frame frame;
    size_t used = 0;

    if (session->ended)
        return len;
    while ((result = read_call(session, data + used, len - used, &frame)) == MESSAGE_DONE) {
        dispatch(session, &frame);
        used += frame.size;
        if (connection_is_full(session->connection))
            return used;
    }
    if (result == MESSAGE_MORE)
        return used;
    session->ended = true;
    finish_if_done(session);
    return len;
}

/* A half-closed client is owed the replies to all of its calls. */
static void take_end(void *context)
{
    struct session *session = context;

    session->ended = true;
    finish_if_done(session);
}

/* The procedures that are still at work answer into the void. */
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
    send_at_once(fd);
    session->connection = connection_new(loop, fd, &events, session);
    if (session->connection == NULL) {
        int error = errno;
        free(session);
        errno = error;
        return -1;
    }
    return 0;
}
