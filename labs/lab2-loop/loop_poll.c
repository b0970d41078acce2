/* loop_poll.c - the loop over poll(2): an extension, stage 2.19.
 *
 * How do you find the entry of a descriptor, and what becomes of one in the middle that goes? */
#include "backend.h"
#include "loop.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

struct poll_backend {
    struct backend base;
    struct pollfd *entries;
    nfds_t count, capacity;
    /* Your fields here. */
};

static int watch(struct backend *backend, int fd, unsigned before, unsigned after)
{
    (void)backend;
    (void)fd;
    (void)before;
    (void)after;
    /* Your code here. */
    errno = ENOSYS;
    return -1;
}

static int wait_ready(struct backend *backend, int timeout_ms, struct ready *ready)
{
    (void)backend;
    (void)timeout_ms;
    (void)ready;
    /* Your code here. */
    errno = ENOSYS;
    return -1;
}

static void free_backend(struct backend *backend)
{
    (void)backend;
    /* Your code here. */
}

struct backend *backend_poll(void)
{
    (void)watch;
    (void)wait_ready;
    (void)free_backend;
    /* Your code here. */
    errno = ENOSYS;
    return NULL;
}
