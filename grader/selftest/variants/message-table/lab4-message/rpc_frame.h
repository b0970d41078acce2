/* rpc_frame.h - calls and replies as bytes: rpc.h. */
#ifndef RPC_FRAME_H
#define RPC_FRAME_H

#include "connection.h"
#include "message_reader.h"
#include "rpc.h"

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
enum message_result read_frame(const uint8_t *window, size_t len, uint32_t least,
                               struct frame *frame);

/* status is NO_STATUS for a call.  One piece. */
int send_frame(struct connection *connection, uint32_t call_id, uint32_t request_id, int status,
               const uint8_t *data, size_t data_size);

/* Nagle's algorithm would keep the second of two small frames until the first is acknowledged.  A
 * socket that isn't TCP has no such thing, so an error is none. */
void send_at_once(int fd);

#endif
