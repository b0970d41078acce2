/* log.c - the log of log.h.
 *
 * The entries stand in one array, since a leader sends runs of them; their bytes are blocks of
 * their own, so that nothing but the array itself ever moves.  The array grows by half and never
 * shrinks: an entry costs the same however many there are, and so does its end. */
#include "log.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_ROOM = 64 };

struct log {
    struct log_entry *entries; /* that with index i is entries[i - 1] */
    size_t room;
    int32_t last;
};

struct log *log_new(void)
{
    return calloc(1, sizeof(struct log));
}

static void free_data(const struct log_entry *entry)
{
    free((void *)entry->data);
}

void log_free(struct log *log)
{
    if (log == NULL)
        return;
    log_cut(log, 1);
    free(log->entries);
    free(log);
}

int32_t log_last(const struct log *log)
{
    return log->last;
}

int32_t log_term(const struct log *log, int32_t index)
{
    return index == 0 ? 0 : log->entries[index - 1].term;
}

const struct log_entry *log_at(const struct log *log, int32_t index)
{
    return &log->entries[index - 1];
}

static bool make_room(struct log *log)
{
    size_t room = log->room == 0 ? FIRST_ROOM : log->room + log->room / 2;

    if ((size_t)log->last < log->room)
        return true;
    struct log_entry *entries = realloc(log->entries, room * sizeof *entries);
    if (entries == NULL)
        return false;
    log->entries = entries;
    log->room = room;
    return true;
}

/* An entry without data has a block, too: so there is always a pointer that may be passed on. */
bool log_append(struct log *log, const struct log_entry *entry)
{
    if (!make_room(log))
        return false;
    uint8_t *data = malloc(entry->size > 0 ? entry->size : 1);
    if (data == NULL)
        return false;
    if (entry->size > 0)
        memcpy(data, entry->data, entry->size);
    log->entries[log->last++] = (struct log_entry){entry->term, entry->size, data};
    return true;
}

void log_cut(struct log *log, int32_t index)
{
    while (log->last >= index)
        free_data(&log->entries[--log->last]);
}
