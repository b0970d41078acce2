/* log.c - the log of log.h.
 *
 * The entries are one array, so that any run of them is a part of a message as it is.  Their data
 * lies in blocks, one behind the other in the order of the indexes: the end of the log is the end
 * of the last block, and to cut is to go back.  An entry costs 16 bytes and its data. */
#include "log.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 64, BLOCK_SIZE = 64 * 1024 };

struct block {
    struct block *below;
    size_t used, size;
    uint8_t bytes[];
};

struct log {
    struct log_entry *entries;
    size_t count, capacity;
    struct block *top;
};

struct log *log_new(void)
{
    return calloc(1, sizeof(struct log));
}

static void drop_block(struct log *log)
{
    struct block *top = log->top;

    log->top = top->below;
    free(top);
}

void log_free(struct log *log)
{
    if (log == NULL)
        return;
    while (log->top != NULL)
        drop_block(log);
    free(log->entries);
    free(log);
}

int32_t log_last(const struct log *log)
{
    return (int32_t)log->count;
}

int32_t log_term(const struct log *log, int32_t index)
{
    return index == 0 ? 0 : log->entries[index - 1].term;
}

const struct log_entry *log_at(const struct log *log, int32_t index)
{
    return log->entries + index - 1;
}

static bool reserve_entry(struct log *log)
{
    if (log->count < log->capacity)
        return true;
    size_t capacity = log->capacity == 0 ? FIRST_CAPACITY : 2 * log->capacity;
    struct log_entry *entries = realloc(log->entries, capacity * sizeof *entries);
    if (entries == NULL)
        return false;
    log->entries = entries;
    log->capacity = capacity;
    return true;
}

static bool reserve_bytes(struct log *log, size_t size)
{
    if (log->top != NULL && size <= log->top->size - log->top->used)
        return true;
    size_t room = size < BLOCK_SIZE ? BLOCK_SIZE : size;
    struct block *block = malloc(sizeof *block + room);
    if (block == NULL)
        return false;
    *block = (struct block){.below = log->top, .size = room};
    log->top = block;
    return true;
}

/* An entry without data has a place all the same: log_cut goes back to it. */
bool log_append(struct log *log, const struct log_entry *entry)
{
    if (!reserve_entry(log) || !reserve_bytes(log, entry->size))
        return false;
    struct block *top = log->top;
    uint8_t *place = top->bytes + top->used;
    if (entry->size > 0)
        memcpy(place, entry->data, entry->size);
    top->used += entry->size;
    log->entries[log->count++] = (struct log_entry){entry->term, entry->size, place};
    return true;
}

static bool holds(const struct block *block, const uint8_t *place)
{
    uintptr_t start = (uintptr_t)block->bytes, end = start + block->used;

    return (uintptr_t)place >= start && (uintptr_t)place <= end;
}

void log_cut(struct log *log, int32_t index)
{
    if (index > log_last(log))
        return;
    const uint8_t *place = log_at(log, index)->data;
    while (!holds(log->top, place))
        drop_block(log);
    log->top->used = (size_t)(place - log->top->bytes);
    log->count = (size_t)index - 1;
}
