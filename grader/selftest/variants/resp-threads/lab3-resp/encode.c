/* encode.c - the encoders of resp.h: the size of all first, then the bytes. */
#include "resp.h"

#include <string.h>

enum { CR_LF = 2 };

static size_t digits_of(uint64_t number)
{
    size_t count = 1;

    for (; number > 9; number /= 10)
        count++;
    return count;
}

/* Digits from the last to the first, in the place that they take; returns the one behind CR LF. */
static uint8_t *put_number(uint8_t *out, uint64_t number)
{
    uint8_t *end = out + digits_of(number), *digit = end;

    do
        *--digit = (uint8_t)('0' + number % 10);
    while ((number /= 10) > 0);
    end[0] = '\r';
    end[1] = '\n';
    return end + CR_LF;
}

static uint8_t *put_word(uint8_t *out, struct resp_word word)
{
    *out++ = '$';
    out = put_number(out, word.len);
    if (word.len > 0)
        memcpy(out, word.data, word.len);
    out[word.len] = '\r';
    out[word.len + 1] = '\n';
    return out + word.len + CR_LF;
}

size_t resp_write_array(uint8_t *out, size_t room, const struct resp_word *words, size_t count)
{
    size_t size = 1 + digits_of(count) + CR_LF;

    for (size_t i = 0; i < count; i++)
        size += 1 + digits_of(words[i].len) + CR_LF + words[i].len + CR_LF;
    if (size > room)
        return size;
    *out++ = '*';
    out = put_number(out, count);
    for (size_t i = 0; i < count; i++)
        out = put_word(out, words[i]);
    return size;
}

size_t resp_write_integer(uint8_t *out, size_t room, int64_t integer)
{
    uint64_t magnitude = integer < 0 ? 0 - (uint64_t)integer : (uint64_t)integer;
    size_t size = 1 + (size_t)(integer < 0) + digits_of(magnitude) + CR_LF;

    if (size > room)
        return size;
    *out++ = ':';
    if (integer < 0)
        *out++ = '-';
    put_number(out, magnitude);
    return size;
}
