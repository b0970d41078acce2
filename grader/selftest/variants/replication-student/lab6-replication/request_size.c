/* request_size.c - from length to length, past the bytes in between. */
#include "request_size.h"

#include <string.h>

enum { CR_LF_SIZE = 2 };

/* The parser has seen the line, too, so there are digits in it, and not many. */
static size_t read_digits(const uint8_t *line, const uint8_t *end)
{
    size_t number = 0;

    for (; line < end && *line >= '0' && *line <= '9'; line++)
        number = number * 10 + (size_t)(*line - '0');
    return number;
}

size_t request_size_look(struct request_size *size, const uint8_t *window, size_t len)
{
    while (size->least < len) {
        const uint8_t *line = window + size->least;
        const uint8_t *end = memchr(line, '\r', len - size->least);
        if (end == NULL)
            break;
        size->least = (size_t)(end - window) + CR_LF_SIZE;
        if (*line == '$')
            size->least += read_digits(line + 1, end) + CR_LF_SIZE;
    }
    return size->least;
}
