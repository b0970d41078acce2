#include "window.h"

#include <stdlib.h>
#include <string.h>

enum { SMALLEST = 16 * 1024, LARGE = 128 * 1024 };

/* An empty one may have no block, and NULL + 0 is undefined. */
const uint8_t *window_front(const struct window *w)
{
    return w->data == NULL ? NULL : w->data + w->start;
}

size_t window_len(const struct window *w)
{
    return w->end - w->start;
}

/* To the front, where that leaves more room than it moves bytes: so it is paid for. */
static void move_to_front(struct window *w)
{
    if (w->start == 0 || w->start < window_len(w))
        return;
    memmove(w->data, w->data + w->start, window_len(w));
    w->end = window_len(w);
    w->start = 0;
}

bool window_reserve(struct window *w, size_t size)
{
    if (w->capacity - w->end >= size)
        return true;
    move_to_front(w);
    size_t capacity = w->capacity < SMALLEST ? SMALLEST : w->capacity;
    while (capacity - w->end < size)
        capacity *= 2;
    if (capacity == w->capacity)
        return true;
    uint8_t *data = realloc(w->data, capacity);
    if (data == NULL)
        return false;
    w->data = data;
    w->capacity = capacity;
    return true;
}

bool window_put(struct window *w, const void *data, size_t len)
{
    if (!window_reserve(w, len))
        return false;
    memcpy(w->data + w->end, data, len);
    w->end += len;
    return true;
}

void window_drop(struct window *w, size_t size)
{
    w->start += size;
    if (w->start < w->end)
        return;
    w->start = w->end = 0;
    if (w->capacity > LARGE) {
        free(w->data);
        *w = (struct window){0};
    }
}
