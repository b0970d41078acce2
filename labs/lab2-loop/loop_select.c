/* loop_select.c - the loop over select(2): its man page, and select_tut(2). */
#include "backend.h"
#include "loop.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/select.h>

struct select_backend {
    struct backend base;
    fd_set reading, writing;
    int limit; /* the highest descriptor that is watched, and one more */
};

/* Stage 2.1: notes what is waited for on fd: FD_SET(3), FD_CLR.  Stage 2.2: which number goes
 * first into select, when descriptors come and go?  Stage 2.7: what does FD_SET do with a number
 * from FD_SETSIZE on? */
static int watch(struct backend *backend, int fd, unsigned before, unsigned after)
{
    struct select_backend *b = (struct select_backend *)backend;

    (void)b;
    (void)fd;
    (void)before;
    (void)after;
    /* Your code here. */
    errno = ENOSYS;
    return -1;
}

/* Stage 2.1: select(2) writes its answer over the question: what does it get, and what is left
 * of it?  Stage 2.6: a timeout of -1 ms is none; the others are a struct timeval. */
static int wait_ready(struct backend *backend, int timeout_ms, struct ready *ready)
{
    struct select_backend *b = (struct select_backend *)backend;

    (void)b;
    (void)timeout_ms;
    (void)ready;
    /* Your code here. */
    errno = ENOSYS;
    return -1;
}

static void free_backend(struct backend *backend)
{
    free(backend);
}

/* Stage 2.1: the object, with its three functions and no descriptor to wait for. */
struct backend *backend_select(void)
{
    (void)watch;
    (void)wait_ready;
    (void)free_backend;
    /* Your code here. */
    errno = ENOSYS;
    return NULL;
}
