/* buffer.c - the buffer of buffer.h as one block of memory. */
#include "buffer.h"

#include <stdlib.h>
#include <string.h>

enum { SMALLEST_BLOCK = 4096 };

/* Makes room for len more bytes behind the others.  They move to the front where at least as much
 * was taken as has to be moved: so no byte moves more often than bytes were taken.  Else they go to
 * a block that is twice as large. */
static int make_room(struct buffer *buffer, size_t len)
{
    size_t size = buffer_size(buffer), capacity = buffer->capacity;

    if (buffer->start >= size && capacity - size >= len) {
        memcpy(buffer->data, buffer->data + buffer->start, size);
    } else {
        capacity = capacity == 0 ? SMALLEST_BLOCK : capacity * 2;
        if (capacity < size + len)
            capacity = size + len;
        uint8_t *data = malloc(capacity);
        if (data == NULL)
            return -1;
        if (size > 0)
            memcpy(data, buffer_front(buffer), size);
        free(buffer->data);
        buffer->data = data;
        buffer->capacity = capacity;
    }
    buffer->start = 0;
    buffer->end = size;
    return 0;
}

int buffer_put(struct buffer *buffer, const void *data, size_t len)
{
    if (len == 0)
        return 0;
    if (buffer->capacity - buffer->end < len && make_room(buffer, len) < 0)
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
