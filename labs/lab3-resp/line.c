/* line.c - the lines of line.h.
 *
 * A number is refused at the first digit that makes it too large.  What can go wrong where that is
 * looked at only when the line is complete? */
#include "line.h"

/* Stage 3.1: CR LF, and nothing else, at end. */
enum resp_result line_read_end(const uint8_t *line, size_t len, size_t end, size_t *size)
{
    (void)line;
    (void)len;
    *size = end + CR_LF;
    /* Your code here. */
    return RESP_ERROR;
}

/* Stage 3.1.  Stage 3.5: what does strtol(3) accept that is no length here?  Stage 3.6: more than
 * most. */
enum resp_result line_read_length(const uint8_t *line, size_t len, char type, size_t most,
                                  size_t *number, size_t *size)
{
    (void)line;
    (void)len;
    (void)type;
    (void)most;
    *number = 0;
    *size = CR_LF;
    /* Your code here. */
    return RESP_ERROR;
}

/* Stage 3.9: is there a positive counterpart to each negative number? */
enum resp_result line_read_integer(const uint8_t *line, size_t len, int64_t *integer, size_t *size)
{
    (void)line;
    (void)len;
    *integer = 0;
    *size = 1 + CR_LF;
    /* Your code here. */
    return RESP_ERROR;
}

/* Stage 3.9: memchr(3). */
enum resp_result line_read_text(const uint8_t *line, size_t len, size_t *searched,
                                struct resp_word *text, size_t *size)
{
    (void)line;
    (void)len;
    (void)searched;
    *text = (struct resp_word){0};
    *size = 1 + CR_LF;
    /* Your code here. */
    return RESP_ERROR;
}

/* Stage 3.8. */
size_t line_size(uint64_t number)
{
    (void)number;
    /* Your code here. */
    return 0;
}

/* Stage 3.8. */
uint8_t *line_write(uint8_t *out, char type, uint64_t number)
{
    (void)type;
    (void)number;
    /* Your code here. */
    return out;
}

/* Stage 3.8. */
size_t line_word_size(struct resp_word word)
{
    (void)word;
    /* Your code here. */
    return 0;
}

/* Stage 3.8: a word of no bytes may have no data either. */
uint8_t *line_write_word(uint8_t *out, struct resp_word word)
{
    (void)word;
    /* Your code here. */
    return out;
}
