/* line.h - the lines of RESP: a type byte, a number or a text, CR LF.
 *
 * Each reader looks at the front of a window for a line that may have come in part only, and
 * begins anew at each call; *size is what the line takes (RESP_DONE), or the least that it will
 * (RESP_MORE).  A line that can't become right is an error at its CR LF or before. */
#ifndef LINE_H
#define LINE_H

#include "resp.h"

enum { CR_LF = 2 };

/* CR LF at the place end: alone, and where a line or the bytes of a word should end. */
static inline enum resp_result line_read_end(const uint8_t *line, size_t len, size_t end,
                                             size_t *size)
{
    *size = end + CR_LF;
    if (len >= *size)
        return line[end] == '\r' && line[end + 1] == '\n' ? RESP_DONE : RESP_ERROR;
    return len > end && line[end] != '\r' ? RESP_ERROR : RESP_MORE;
}

/* Digits from first on; *end is behind them.  False if they can't be right, whatever follows. */
static inline bool line_read_digits(const uint8_t *line, size_t len, size_t first, uint64_t most,
                                    size_t *end, uint64_t *number)
{
    size_t i = first;
    uint64_t sum = 0;

    for (; i < len && line[i] >= '0' && line[i] <= '9'; i++) {
        if ((i > first && sum == 0) || sum > most / 10)
            return false;
        sum = sum * 10 + (uint64_t)(line[i] - '0');
        if (sum > most)
            return false;
    }
    *number = sum;
    *end = i;
    return i > first || i == len;
}

/* "*<n>\r\n", or "$<n>\r\n", with n from 0 to most: digits only, no leading zero. */
static inline enum resp_result line_read_length(const uint8_t *line, size_t len, char type,
                                                size_t most, size_t *number, size_t *size)
{
    size_t end;
    uint64_t digits;

    *size = CR_LF;
    if (len < CR_LF)
        return RESP_MORE;
    if (line[0] != (uint8_t)type || !line_read_digits(line, len, 1, most, &end, &digits))
        return RESP_ERROR;
    *number = (size_t)digits;
    return line_read_end(line, len, end, size);
}

/* ":<integer>\r\n", whatever the type byte. */
enum resp_result line_read_integer(const uint8_t *line, size_t len, int64_t *integer, size_t *size);

/* "+text\r\n" or "-text\r\n", whatever the type byte.  A text may be long, so *searched keeps how
 * far the CR LF was looked for; it is 0 at first. */
enum resp_result line_read_text(const uint8_t *line, size_t len, size_t *searched,
                                struct resp_word *text, size_t *size);

/* The bytes that a line with this number takes, and the line; returns the place behind it. */
size_t line_size(uint64_t number);
uint8_t *line_write(uint8_t *out, char type, uint64_t number);

/* The same for "$<len>\r\n<bytes>\r\n". */
size_t line_word_size(struct resp_word word);
uint8_t *line_write_word(uint8_t *out, struct resp_word word);

#endif
