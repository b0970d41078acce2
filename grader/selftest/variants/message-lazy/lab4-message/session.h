/* session.h - a client of rpc_server, with two threads: one reads its calls and answers at once, the
 * other answers what is to be answered later.  Sockets block, and so does whoever writes. */
#ifndef SESSION_H
#define SESSION_H

#include "rpc.h"

struct session;

struct procedure {
    uint32_t call_id;
    uint32_t arguments_size;
    void (*run)(struct session *session, uint32_t request_id, const uint8_t *arguments);
};

/* Serves the calls that come on fd, which it closes in the end; procedures stay in place, and the
 * last has call id 0.  Returns at once. */
void session_serve(int fd, const struct procedure *procedures);

/* Each is called once in a procedure's run. */
void session_answer(struct session *session, uint32_t call_id, uint32_t request_id,
                    const uint8_t *results, size_t size);
void session_fail(struct session *session, uint32_t call_id, uint32_t request_id, const char *text);
/* No results, but so much later. */
void session_answer_later(struct session *session, uint32_t call_id, uint32_t request_id,
                          uint32_t delay_ms);

#endif
