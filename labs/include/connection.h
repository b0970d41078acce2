/* connection.h - a TCP connection on a loop: what comes is handed on, what is sent never waits.
 *
 * Output that the kernel does not take at once is kept, up to a bound; beyond it the peer is not
 * read from until it has taken some (back-pressure).  Callbacks run in the loop's thread and may
 * call everything here. */
#ifndef CONNECTION_H
#define CONNECTION_H

#include "loop.h"

/* With as many bytes of output waiting, or more, a connection is full. */
enum { CONNECTION_OUTPUT_BOUND = 1 << 20 };

struct connection;

/* What the owner is told.  All but on_data may be NULL. */
struct connection_events {
    /* What came and was not used so far; lent for the call.  Returns how much of it is used up;
     * the rest is shown again, with more behind it.  Never called while the connection is full:
     * an owner that gets it full should return, and is called again with the rest. */
    size_t (*on_data)(void *context, const uint8_t *data, size_t len);
    /* The peer sends no more; it may still receive.  NULL: connection_finish. */
    void (*on_end)(void *context);
    /* After a send, once the kernel has taken all output; in a later turn, so that a long stream
     * leaves the others theirs. */
    void (*on_drained)(void *context);
    /* Last of all, once, whatever ended it.  error is 0 or an errno; after this the connection
     * is gone. */
    void (*on_close)(void *context, int error);
};

/* Takes over fd, which it makes non-blocking, and closes it in the end.  events stays the caller's
 * and lives as long.  NULL with errno (see loop_add; fd stays the caller's then). */
struct connection *connection_new(struct loop *loop, int fd, const struct connection_events *events,
                                  void *context);

/* Sends a copy of data, after all that was sent before; at once as far as the kernel takes it.
 * After connection_finish or an error it is dropped.  An error ends the connection in a later turn,
 * or after the callback that calls this; to be out of memory is one (ENOMEM). */
void connection_send(struct connection *connection, const void *data, size_t len);

/* Bytes of output that wait, and whether that is CONNECTION_OUTPUT_BOUND or more. */
size_t connection_pending(const struct connection *connection);
bool connection_is_full(const struct connection *connection);

/* From connection_pause to connection_resume the peer is not read from, and on_data and on_end are
 * not called: for an owner that can take no more now.  What was not used is shown again after
 * connection_resume, in a later turn. */
void connection_pause(struct connection *connection);
void connection_resume(struct connection *connection);

/* Ends it in peace: sends what waits, then FIN, then drops input until the peer ends too, for at
 * most a second; then closes.  (To close with unread input would reset the connection, and destroy
 * replies on their way: RFC 2525, section 2.17.)  Only on_close is called after it, maybe before
 * this returns. */
void connection_finish(struct connection *connection);

/* Ends it now: on_close is called before this returns, or after the callback that calls this. */
void connection_close(struct connection *connection);

#endif
