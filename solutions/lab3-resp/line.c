/* line.c - the lines of line.h.
 *
 * A number is refused at the first digit that makes it too large: so it never overflows, and a line
 * of numbers is never long. */
#include "line.h"

#include <string.h>

/* INT64_MIN has no positive counterpart, so the digits are read as unsigned. */
enum resp_result line_read_integer(const uint8_t *line, size_t len, int64_t *integer, size_t *size)
{
    bool is_negative = len > 1 && line[1] == '-';
    size_t end, first = is_negative ? 2 : 1;
    uint64_t digits;

    *size = 1 + CR_LF;
    if (len <= 1)
        return RESP_MORE;
    if (!line_read_digits(line, len, first, (uint64_t)INT64_MAX + is_negative, &end, &digits))
        return RESP_ERROR;
    if (is_negative && end > first && digits == 0)
        return RESP_ERROR;
    *integer = is_negative && digits > 0 ? -(int64_t)(digits - 1) - 1 : (int64_t)digits;
    return line_read_end(line, len, end, size);
}

enum resp_result line_read_text(const uint8_t *line, size_t len, size_t *searched,
                                struct resp_word *text, size_t *size)
{
    size_t end = *searched == 0 ? 1 : *searched;

    for (; end < len; end++) {
        const uint8_t *cr = memchr(line + end, '\r', len - end);
        end = cr == NULL ? len : (size_t)(cr - line);
        if (len - end < CR_LF)
            break;
        if (cr[1] == '\n') {
            *text = (struct resp_word){line + 1, end - 1};
            *size = end + CR_LF;
            return RESP_DONE;
        }
    }
    *searched = end;
    *size = end + CR_LF;
    return *size > RESP_LARGEST_REQUEST ? RESP_ERROR : RESP_MORE;
}

static size_t count_digits(uint64_t number)
{
    size_t count = 1;

    for (; number >= 10; number /= 10)
        count++;
    return count;
}

static uint8_t *write_end(uint8_t *out)
{
    out[0] = '\r';
    out[1] = '\n';
    return out + CR_LF;
}

size_t line_size(uint64_t number)
{
    return 1 + count_digits(number) + CR_LF;
}

uint8_t *line_write(uint8_t *out, char type, uint64_t number)
{
    size_t count = count_digits(number);

    *out = (uint8_t)type;
    for (size_t i = count; i > 0; i--, number /= 10)
        out[i] = (uint8_t)('0' + number % 10);
    return write_end(out + 1 + count);
}

size_t line_word_size(struct resp_word word)
{
    return line_size(word.len) + word.len + CR_LF;
}

uint8_t *line_write_word(uint8_t *out, struct resp_word word)
{
    out = line_write(out, '$', word.len);
    if (word.len > 0)
        memcpy(out, word.data, word.len); /* data may be NULL for none */
    return write_end(out + word.len);
}
