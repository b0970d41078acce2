/* rpc_serve.h - serves calls from other processes, as rpc.h says, on a loop.
 *
 * A function that returns an int gives 0, or -1 with errno set.  Nothing prints. */
#ifndef RPC_SERVE_H
#define RPC_SERVE_H

#include "loop.h"
#include "rpc.h"

/* So many calls of one connection may wait for their reply; more fail, with "too many calls".  What
 * was answered does not count; an unknown procedure gets its own status even then. */
enum { RPC_MOST_CALLS = 1024 };

/* A call that was not answered so far. */
struct rpc_request;

struct rpc_procedure {
    uint32_t call_id;
    size_t arguments_size;
    /* Calls rpc_answer or rpc_fail once for the request, now or later; arguments are lent. */
    void (*run)(struct rpc_request *request, const uint8_t *arguments, void *context);
};

struct rpc_service {
    const struct rpc_procedure *procedures;
    size_t count;
    void *context; /* for run */
};

/* Serves the calls that come on fd until the connection ends; service stays in place.  A client
 * that half-closed gets all replies.  After an error fd stays the caller's. */
int rpc_serve(struct loop *loop, int fd, const struct rpc_service *service);

/* They end the request, also one whose connection is gone; results may be NULL with size 0.  More
 * than a frame holds ends the connection. */
void rpc_answer(struct rpc_request *request, const uint8_t *results, size_t size);
void rpc_fail(struct rpc_request *request, const char *text);

#endif
