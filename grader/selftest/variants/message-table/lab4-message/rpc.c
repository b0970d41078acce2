/* rpc.c - a server's side: a list of the requests that wait for an answer.  A procedure may answer
 * after its connection is gone. */
#include "rpc_serve.h"

#include "rpc_frame.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

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
