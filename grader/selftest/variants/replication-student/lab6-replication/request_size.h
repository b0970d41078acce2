/* request_size.h - how large a request will be, by what of it has come.
 *
 * A parser of resp.h has limits of its own, and a cluster has a smaller one: PROTOCOL, section 1.
 * A client is told as soon as a length is announced that goes beyond it. */
#ifndef REQUEST_SIZE_H
#define REQUEST_SIZE_H

#include "resp.h"

/* At the start of a request: all zero. */
struct request_size {
    size_t least; /* bytes that it takes at least, by the lengths that have come */
};

/* Looks at a window that a parser found to be the beginning of a request, longer at each call, and
 * returns that size.  Each line is looked at once. */
size_t request_size_look(struct request_size *size, const uint8_t *window, size_t len);

#endif
