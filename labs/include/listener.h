/* listener.h - takes connections on a loop. */
#ifndef LISTENER_H
#define LISTENER_H

#include "loop.h"

struct listener;

/* Calls on_connection(context, fd) for each connection that comes to the listening socket (see
 * net_listen), which becomes non-blocking and belongs to the listener.  fd is closed on exec and
 * belongs to the callee.  When descriptors or memory run out (EMFILE, ENFILE, ENOBUFS, ENOMEM)
 * the listener pauses for 100 ms: the connections still wait, so to try at once would spin.
 * After any other error it goes on.  on_connection does not free the listener.  NULL with errno;
 * the socket stays the caller's then. */
struct listener *listener_new(struct loop *loop, int socket,
                              void (*on_connection)(void *context, int fd), void *context);

/* Closes the socket. */
void listener_free(struct listener *listener);

#endif
