/* session.h - one client of the echo server: what it sends waits in a chain of chunks until it
 * takes it back. */
#ifndef SESSION_H
#define SESSION_H

#include "loop.h"

/* Takes over fd.  on_gone is called when the session is over and fd was closed.  -1 with errno: fd
 * stays the caller's. */
int session_start(struct loop *loop, int fd, void (*on_gone)(void *context), void *context);

#endif
