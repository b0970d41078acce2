/* inside.h - what loop.c and waits.c share. */
#ifndef INSIDE_H
#define INSIDE_H

#include "heap.h"

#include <poll.h>

struct watch {
    void (*on_event)(void *context, unsigned events); /* NULL: not watched */
    void *context;
    unsigned wanted;
    uint64_t serial;   /* no two that were ever added have the same */
    uint64_t entry_of; /* the turn in whose batch it is */
    bool in_doubt;
};

/* What was found to be ready; serial says of which of those that had this number. */
struct found {
    int fd;
    unsigned events;
    uint64_t serial;
};

struct loop {
    enum { SELECT, POLL, EPOLL, EDGE } backend;
    int epoll, wake;
    struct watch *watches;
    struct found *batch;    /* these four have room for each number */
    struct pollfd *checked; /* scratch space of a turn */
    int *doubts;
    size_t room, found, doubtful;
    uint64_t serial, turn;
    struct heap timers;
    int64_t turn_ns; /* when this turn began to call back */
    void (*on_wake)(void *context);
    void *wake_context;
    bool stopped;
};

/* The watch of a descriptor; NULL with ENOENT. */
struct watch *watch_of(const struct loop *loop, int fd);

/* Fills in the batch; sleeps for at most timeout_ms (-1: for ever).  -1 with errno. */
int wait_by_select(struct loop *loop, int timeout_ms);
int wait_by_poll(struct loop *loop, int timeout_ms);
int wait_by_epoll(struct loop *loop, int timeout_ms);

#endif
