/* window.h - bytes on their way in or out: data[start] to data[end - 1]. */
#ifndef WINDOW_H
#define WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All zero: empty. */
struct window {
    uint8_t *data;
    size_t start, end, capacity;
};

/* Where it begins, and its length. */
const uint8_t *window_front(const struct window *window);
size_t window_len(const struct window *window);

/* Makes room for size bytes, or more, behind end.  False: out of memory. */
bool window_reserve(struct window *window, size_t size);

bool window_put(struct window *window, const void *data, size_t len);

/* The first size bytes are done with.  An empty window gives back a large block. */
void window_drop(struct window *window, size_t size);

#endif
