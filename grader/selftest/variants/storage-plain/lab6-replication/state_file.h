/* state_file.h - the file of storage.c, as it is written. */
#ifndef STATE_FILE_H
#define STATE_FILE_H

#include "message.h"

/* All zero but fd: nothing waits. */
struct state_file {
    int fd;
    uint8_t *buffer; /* what waits to be written */
    size_t used, room;
};

/* Each adds a record to what waits; much of it is written at once.  -1 with errno. */
int state_add_top(struct state_file *file, int32_t id);
int state_add_vote(struct state_file *file, int32_t term, int32_t voted_for);
int state_add_entry(struct state_file *file, int32_t index, const struct log_entry *entry);

/* Writes what waits, to the end of the file.  -1 with errno. */
int state_write(struct state_file *file);

/* Drops what waits. */
void state_close(struct state_file *file);

#endif
