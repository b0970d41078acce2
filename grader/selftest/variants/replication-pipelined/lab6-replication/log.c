/* log.c - the log of log.h: an array of entries, and their bytes on a stack of chunks.
 *
 * Entries come and go at the end only, so their bytes do, too: no entry needs memory of its own, and
 * a chunk is given back when the first entry on it is dropped. */
#include "log.h"

#include <stdlib.h>
#include <string.h>

enum { CHUNK_SIZE = 1 << 16 };

struct chunk {
    struct chunk *below;
    size_t used, size;
    uint8_t bytes[];
};

struct log {
    struct log_entry *entries; /* entries[0] stands for "before the log" */
    size_t capacity;
    int32_t last;
    struct chunk *top;
};

struct log *log_new(void)
{
    struct log *log = calloc(1, sizeof *log);

    if (log == NULL)
        return NULL;
    log->capacity = 64;
    log->entries = calloc(log->capacity, sizeof *log->entries);
    if (log->entries != NULL)
        return log;
    free(log);
    return NULL;
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

bool log_has(const struct log *log, int32_t index, int32_t term)
{
    return index <= log->last && log->entries[index].term == term;
}

const struct log_entry *log_from(const struct log *log, int32_t index)
{
    return log->entries + index;
}

static bool reserve_place(struct log *log)
{
    if ((size_t)log->last + 1 < log->capacity)
        return true;
    struct log_entry *entries = realloc(log->entries, 2 * log->capacity * sizeof *entries);
    if (entries == NULL)
        return false;
    log->entries = entries;
    log->capacity *= 2;
    return true;
}

static bool reserve_bytes(struct log *log, size_t size)
{
    if (log->top != NULL && log->top->size - log->top->used >= size)
        return true;
    size_t chunk_size = size > CHUNK_SIZE ? size : CHUNK_SIZE;
    struct chunk *chunk = malloc(sizeof *chunk + chunk_size);
    if (chunk == NULL)
        return false;
    *chunk = (struct chunk){.below = log->top, .size = chunk_size};
    log->top = chunk;
    return true;
}

/* An entry without bytes needs no chunk. */
bool log_append(struct log *log, const struct log_entry *entry)
{
    static const uint8_t nothing[1];
    struct log_entry copy = {.term = entry->term, .size = entry->size, .data = nothing};

    if (!reserve_place(log) || (entry->size > 0 && !reserve_bytes(log, entry->size)))
        return false;
    if (entry->size > 0) {
        uint8_t *bytes = log->top->bytes + log->top->used;
        memcpy(bytes, entry->data, entry->size);
        log->top->used += entry->size;
        copy.data = bytes;
    }
    log->entries[++log->last] = copy;
    return true;
}

static void drop_last(struct log *log)
{
    uint32_t size = log->entries[log->last--].size;
    struct chunk *top = log->top;

    if (size == 0)
        return;
    top->used -= size;
    if (top->used == 0) {
        log->top = top->below;
        free(top);
    }
}

void log_cut(struct log *log, int32_t index)
{
    while (log->last >= index)
        drop_last(log);
}
