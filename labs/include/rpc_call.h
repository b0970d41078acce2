/* rpc_call.h - calls procedures of another process, as rpc.h says: the client's side, on a loop.
 *
 * A function that returns an int gives 0, or -1 with errno set.  Nothing prints. */
#ifndef RPC_CALL_H
#define RPC_CALL_H

#include "loop.h"
#include "rpc.h"

struct rpc_client;

/* Takes over fd, a connected socket.  NULL with errno: fd stays the caller's. */
struct rpc_client *rpc_client_new(struct loop *loop, int fd);

/* Closes the connection: all calls without a reply end with RPC_LOST.  Not for on_reply. */
void rpc_client_free(struct rpc_client *client);

struct rpc_reply {
    enum rpc_status status;
    const uint8_t *data; /* results or text, lent for the call */
    size_t size;
};

/* Sends a call.  on_reply is called once, later: with the reply; or with RPC_TIMED_OUT after
 * timeout_ms (a reply that comes after that is dropped); or with RPC_LOST when the connection ends.
 * It may call rpc_call.  ENOMEM; EMSGSIZE: too many arguments; ENOTCONN: the connection is lost. */
int rpc_call(struct rpc_client *client, uint32_t call_id, const uint8_t *arguments, size_t size,
             int64_t timeout_ms, void (*on_reply)(void *context, const struct rpc_reply *reply),
             void *context);

#endif
