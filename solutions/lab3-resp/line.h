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
enum resp_result line_read_end(const uint8_t *line, size_t len, size_t end, size_t *size);

/* "*<n>\r\n", or "$<n>\r\n", with n from 0 to most: digits only, no leading zero. */
enum resp_result line_read_length(const uint8_t *line, size_t len, char type, size_t most,
                                  size_t *number, size_t *size);

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
