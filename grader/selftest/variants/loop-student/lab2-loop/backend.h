/* backend.h - what loop.c needs of the system call that waits: one object for each way to wait. */
#ifndef BACKEND_H
#define BACKEND_H

#include <stdbool.h>

/* A descriptor of which there is something to tell: LOOP_READ, LOOP_WRITE.  Errors and hang-ups
 * count as both, whatever was asked for. */
struct ready {
    int fd;
    unsigned events;
};

enum { MOST_READY = 1024 };

/* The first member of each backend's own struct. */
struct backend {
    /* Sets what is waited for on fd from before to after, where 0 is nothing.  0, or -1 with errno:
     * ERANGE where the number is too high. */
    int (*watch)(struct backend *backend, int fd, unsigned before, unsigned after);

    /* Sleeps until something is ready, at most timeout_ms (-1: for ever).  Fills in ready, which
     * has MOST_READY places, and returns how many; or -1 with errno. */
    int (*wait)(struct backend *backend, int timeout_ms, struct ready *ready);

    void (*free)(struct backend *backend);
    bool is_edge;
};

/* NULL with errno. */
struct backend *backend_select(void);
struct backend *backend_poll(void);
struct backend *backend_epoll(bool edge);

#endif
