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
#include <stdlib.h>

/* Of a payload, without what the procedure defines. */
enum { CALL_SIZE = 4, REPLY_SIZE = 5, NO_STATUS = -1 };

/* A frame that came.  data is all that follows the request id. */
struct frame {
    uint32_t call_id, request_id;
    const uint8_t *data;
    size_t data_size;
    size_t size; /* of the whole frame */
};

/* As message_read; a payload has least bytes, or more. */
static enum message_result read_frame(const uint8_t *window, size_t len, uint32_t least,
                                      struct frame *frame)
{
    (void)window;
    (void)len;
    (void)least;
    (void)frame;
    /* Your code here. */
    return MESSAGE_MALFORMED;
}

/* status is NO_STATUS for a call.  One piece, and at once: what would Nagle's algorithm do with the
 * second of two calls?  tcp(7), TCP_NODELAY. */
static int send_frame(struct connection *connection, uint32_t call_id, uint32_t request_id,
                      int status, const uint8_t *data, size_t data_size)
{
    (void)connection;
    (void)call_id;
    (void)request_id;
    (void)status;
    (void)data;
    (void)data_size;
    /* Your code here. */
    errno = ENOSYS;
    return -1;
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
    /* Your fields here. */
};

/* Finds the calls that the replies are for.  What if there is none (any more)? */
static size_t take_replies(void *context, const uint8_t *data, size_t len)
{
    struct rpc_client *client = context;

    (void)data;
    (void)read_frame;
    /* Your code here. */
    connection_close(client->connection);
    return len;
}

/* The connection is gone: what do the calls get that still wait? */
static void lose(void *context, int error)
{
    struct rpc_client *client = context;

    (void)error;
    client->connection = NULL;
    /* Your code here. */
}

struct rpc_client *rpc_client_new(struct loop *loop, int fd)
{
    static const struct connection_events events = {.on_data = take_replies, .on_close = lose};
    struct rpc_client *client = calloc(1, sizeof *client);

    if (client == NULL)
        return NULL;
    client->loop = loop;
    client->connection = connection_new(loop, fd, &events, client);
    if (client->connection == NULL) {
        int error = errno;
        free(client);
        errno = error;
        return NULL;
    }
    return client;
}

void rpc_client_free(struct rpc_client *client)
{
    if (client->connection != NULL)
        connection_close(client->connection);
    free(client);
}

/* A new call with a request id of its own, and a timer.  What if on_reply makes another call? */
int rpc_call(struct rpc_client *client, uint32_t call_id, const uint8_t *arguments, size_t size,
             int64_t timeout_ms, void (*on_reply)(void *context, const struct rpc_reply *reply),
             void *context)
{
    (void)client;
    (void)call_id;
    (void)arguments;
    (void)size;
    (void)timeout_ms;
    (void)on_reply;
    (void)context;
    (void)send_frame;
    /* Your code here. */
    errno = ENOSYS;
    return -1;
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

void rpc_answer(struct rpc_request *request, const uint8_t *results, size_t size)
{
    (void)request;
    (void)results;
    (void)size;
    /* Your code here. */
}

void rpc_fail(struct rpc_request *request, const char *text)
{
    (void)request;
    (void)text;
    /* Your code here. */
}

/* Finds the procedures, and runs them.  When is a call malformed, and when is it only unknown? */
static size_t take_calls(void *context, const uint8_t *data, size_t len)
{
    struct session *session = context;

    (void)data;
    /* Your code here. */
    connection_close(session->connection);
    return len;
}

/* A half-closed client: who is still owed a reply? */
static void take_end(void *context)
{
    struct session *session = context;

    session->ended = true;
    /* Your code here. */
    connection_finish(session->connection);
}

/* What of the procedures that are still at work? */
static void forget(void *context, int error)
{
    struct session *session = context;

    (void)error;
    /* Your code here. */
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
    return 0;
}
