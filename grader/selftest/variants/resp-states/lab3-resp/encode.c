/* encode.c - the encoders of resp.h and resp2.h: measured first, then written. */
#include "numeral.h"
#include "resp2.h"

#include <string.h>

static size_t width(uint64_t n)
{
    uint8_t digits[NUMERAL_LONGEST];

    return numeral_digits(n, digits);
}

static uint8_t *put(uint8_t *out, const void *bytes, size_t len)
{
    if (len > 0)
        memcpy(out, bytes, len);
    return out + len;
}

static uint8_t *put_line(uint8_t *out, char type, uint64_t n)
{
    uint8_t digits[NUMERAL_LONGEST];

    *out++ = (uint8_t)type;
    out = put(out, digits, numeral_digits(n, digits));
    return put(out, "\r\n", 2);
}

static uint8_t *put_word(uint8_t *out, struct resp_word word)
{
    out = put_line(out, '$', word.len);
    out = put(out, word.data, word.len);
    return put(out, "\r\n", 2);
}

static size_t word_size(struct resp_word word)
{
    return 1 + width(word.len) + 2 + word.len + 2;
}

size_t resp_write_array(uint8_t *out, size_t room, const struct resp_word *words, size_t count)
{
    size_t size = 1 + width(count) + 2;

    for (size_t i = 0; i < count; i++)
        size += word_size(words[i]);
    if (size > room)
        return size;
    out = put_line(out, '*', count);
    for (size_t i = 0; i < count; i++)
        out = put_word(out, words[i]);
    return size;
}

size_t resp_write_integer(uint8_t *out, size_t room, int64_t integer)
{
    bool minus = integer < 0;
    uint64_t positive = minus ? 0 - (uint64_t)integer : (uint64_t)integer;
    uint8_t digits[NUMERAL_LONGEST];
    unsigned count = numeral_digits(positive, digits);
    size_t size = 1 + (size_t)minus + count + 2;

    if (size > room)
        return size;
    out = put(out, ":-", 1 + (size_t)minus);
    out = put(out, digits, count);
    put(out, "\r\n", 2);
    return size;
}

size_t resp2_write_bulk(uint8_t *out, size_t room, struct resp_word word)
{
    size_t size = word_size(word);

    if (size <= room)
        put_word(out, word);
    return size;
}

size_t resp2_write_null(uint8_t *out, size_t room)
{
    static const char null[] = "$-1\r\n";

    if (sizeof null - 1 <= room)
        put(out, null, sizeof null - 1);
    return sizeof null - 1;
}
