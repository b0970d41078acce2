/* state_file.c - the writer of state_file.h. */
#include "state_file.h"

#include "state_reader.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BUFFER_BOUND = 1 << 20 };

int state_write(struct state_file *file)
{
    size_t done = 0;

    while (done < file->used) {
        ssize_t n = write(file->fd, file->buffer + done, file->used - done);
        if (n < 0 && errno != EINTR)
            return -1;
        done += n > 0 ? (size_t)n : 0;
    }
    file->used = 0;
    return 0;
}

static int add(struct state_file *file, const void *data, size_t size)
{
    if (file->room - file->used < size) {
        size_t room = 2 * file->room + size;
        uint8_t *buffer = realloc(file->buffer, room);
        if (buffer == NULL)
            return -1;
        file->buffer = buffer;
        file->room = room;
    }
    if (size > 0)
        memcpy(file->buffer + file->used, data, size);
    file->used += size;
    return 0;
}

/* The line gets its hash, and its end. */
static int add_line(struct state_file *file, const char *line)
{
    char end[24];

    snprintf(end, sizeof end, "%016" PRIx64 "\n", state_hash(line, strlen(line)));
    return add(file, line, strlen(line)) < 0 ? -1 : add(file, end, strlen(end));
}

int state_add_top(struct state_file *file, int32_t id)
{
    char line[STATE_LONGEST_LINE];

    snprintf(line, sizeof line, "kvraft-state 1 %d ", (int)id);
    return add_line(file, line);
}

int state_add_vote(struct state_file *file, int32_t term, int32_t voted_for)
{
    char line[STATE_LONGEST_LINE];

    snprintf(line, sizeof line, "vote %d %d ", (int)term, (int)voted_for);
    return add_line(file, line);
}

/* Many large ones are not all kept until the next state_write. */
int state_add_entry(struct state_file *file, int32_t index, const struct log_entry *entry)
{
    char line[STATE_LONGEST_LINE];

    snprintf(line, sizeof line, "entry %d %d %u %016" PRIx64 " ", (int)index, (int)entry->term,
             entry->size, state_hash(entry->data, entry->size));
    if (add_line(file, line) < 0 || add(file, entry->data, entry->size) < 0 ||
        add(file, "\n", 1) < 0)
        return -1;
    return file->used < BUFFER_BOUND ? 0 : state_write(file);
}

void state_close(struct state_file *file)
{
    if (file->fd >= 0)
        close(file->fd);
    free(file->buffer);
    *file = (struct state_file){.fd = -1};
}
