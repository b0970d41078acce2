/* inside.h - the loop's own structs, which loop.c and the two ways to wait share. */
#ifndef INSIDE_H
#define INSIDE_H

#include "loop.h"

/* A slot belongs to a number, once and for all: pointers to it stay good as long as the loop. */
struct slot {
    int fd;
    unsigned wanted, told;
    bool used, armed; /* armed: epoll will tell of it */
    uint64_t since;   /* the turn in which it was added: no report of that turn means it */
    void (*on_event)(void *context, unsigned events);
    void *context;
};

struct loop {
    /* Called where more, less or nothing is wanted of a slot.  -1 with errno. */
    int (*arm)(struct loop *loop, struct slot *slot);
    /* Sleeps, and fills in reports.  How many; -1 with errno. */
    int (*wait)(struct loop *loop);
    struct slot **slots; /* by number; NULL: never used */
    struct slot **reports;
    int capacity; /* of both */
    int epoll, alarm;
    int wake;
    uint64_t turn;
    struct loop_timer **timers; /* in no order; that of slot n is timers[n - 1] */
    size_t timer_count, timer_room;
    int64_t turn_ns;
    void (*on_wake)(void *context);
    void *wake_context;
    bool stopped;
};

/* When the next timer is due; INT64_MAX: none is set. */
int64_t next_due_ns(const struct loop *loop);
int64_t now_ns(void);

/* Makes the loop one over epoll or over select.  -1 with errno. */
int use_epoll(struct loop *loop);
int use_select(struct loop *loop);

#endif
