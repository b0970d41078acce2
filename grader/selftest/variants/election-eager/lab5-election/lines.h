/* lines.h - descriptors on a loop: what comes in, what waits to go out.
 *
 * There is at most one line for each number of a descriptor, and it stays until the end.  A handle
 * names a line from its opening to its closing; then it names nothing, even if the number is in use
 * again: each closing gives the line another generation. */
#ifndef LINES_H
#define LINES_H

#include "loop.h"

struct parcel;

struct handle {
    int fd;
    uint32_t generation; /* 0: never of any line */
};

struct line {
    struct lines *lines;
    int fd;
    uint32_t generation;
    bool is_open;
    void (*on_event)(struct line *line, unsigned events);
    int32_t dialled, owner; /* nodes; 0 for none */
    uint8_t *in;
    size_t in_len, in_room;
    struct parcel *first, *last;
    size_t waiting; /* bytes of parcels */
};

struct lines {
    struct loop *loop;
    struct line **table;
    int room;
};

/* Takes over fd, which does not block.  NULL with errno: fd was closed. */
struct line *line_open(struct lines *lines, int fd, unsigned events,
                       void (*on_event)(struct line *line, unsigned events));

/* Closes it: in peace, or, where the other side is no node, with a reset. */
void line_close(struct line *line, bool abruptly);
void lines_free(struct lines *lines);

struct handle line_handle(const struct line *line);
struct line *line_find(const struct lines *lines, struct handle handle);

/* A copy of the message waits for the loop's next turn, or it is dropped.  Closes nothing. */
void line_post(struct line *line, const uint8_t *message, size_t len);

/* Sends what waits, as far as it goes now.  False: the line is broken. */
bool line_flush(struct line *line);

/* Reads once.  1: there may be more bytes; 0: the end; -1: the line is broken. */
int line_fill(struct line *line);

/* The first bytes were used. */
void line_drop(struct line *line, size_t len);

/* Tells again what this turn has left. */
void line_rearm(struct line *line);

#endif
