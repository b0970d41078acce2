/* buffer.c - the buffer of buffer.h as one block of memory.
 *
 * Bytes move to the front only when the room behind them is used up, and the room before them is
 * at least half of the block: so each byte moves at most once for each byte that is put in. */
#include "buffer.h"

#include <stdlib.h>
#include <string.h>

static void move_to_front(struct buffer *buffer)
{
    memmove(buffer->data, buffer->data + buffer->start, buffer_size(buffer));
    buffer->end -= buffer->start;
    buffer->start = 0;
}

static int reserve(struct buffer *buffer, size_t len)
{
    size_t capacity = buffer->capacity == 0 ? 4096 : buffer->capacity;

    if (capacity - buffer->end < len && buffer->start > 0 && buffer->start >= capacity / 2)
        move_to_front(buffer);
    while (capacity - buffer->end < len)
        capacity *= 2;
    if (capacity == buffer->capacity)
        return 0;
    uint8_t *data = realloc(buffer->data, capacity);
    if (data == NULL)
        return -1;
    buffer->data = data;
    buffer->capacity = capacity;
    return 0;
}

int buffer_put(struct buffer *buffer, const void *data, size_t len)
{
    if (len == 0)
        return 0;
    if (reserve(buffer, len) < 0)
        return -1;
    memcpy(buffer->data + buffer->end, data, len);
    buffer->end += len;
    return 0;
}

void buffer_take(struct buffer *buffer, size_t len)
{
    buffer->start += len;
    if (buffer->start == buffer->end)
        buffer_free(buffer);
}

const uint8_t *buffer_front(const struct buffer *buffer)
{
    return buffer->data + buffer->start;
}

size_t buffer_size(const struct buffer *buffer)
{
    return buffer->end - buffer->start;
}

void buffer_free(struct buffer *buffer)
{
    free(buffer->data);
    *buffer = (struct buffer){0};
}
