/* buffer.h - bytes that wait: put in at the end, taken from the front. */
#ifndef BUFFER_H
#define BUFFER_H

#include <stddef.h>
#include <stdint.h>

/* All zero: empty.  What waits is data[start] to data[end - 1]. */
struct buffer {
    uint8_t *data;
    size_t start, end, capacity;
};

/* Puts a copy of data behind all others.  -1: ENOMEM. */
int buffer_put(struct buffer *buffer, const void *data, size_t len);

/* Takes away the first len bytes.  An empty buffer holds no memory. */
void buffer_take(struct buffer *buffer, size_t len);

/* What waits: its first byte, and how many. */
const uint8_t *buffer_front(const struct buffer *buffer);
size_t buffer_size(const struct buffer *buffer);

void buffer_free(struct buffer *buffer);

#endif
