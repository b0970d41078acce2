/* rpc_frame.c - the frames of rpc_frame.h. */
#include "rpc_frame.h"

#include "bytes.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum message_result read_frame(const uint8_t *window, size_t len, uint32_t least,
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

int send_frame(struct connection *connection, uint32_t call_id, uint32_t request_id, int status,
               const uint8_t *data, size_t data_size)
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

void send_at_once(int fd)
{
    int on = 1;

    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}
