/* visitor.h - one client of the echo server, from its first byte to the last. */
#ifndef VISITOR_H
#define VISITOR_H

#include "loop.h"

/* Takes over fd, which may block.  -1 with errno: fd stays the caller's. */
int visitor_welcome(struct loop *loop, int fd);

#endif
