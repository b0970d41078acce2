/* encode.h - what the targets for RESP share: values as bytes, written by the functions under test
 * into a block of exactly their size, after it was seen that a byte less leaves the block alone. */
#ifndef ENCODE_H
#define ENCODE_H

#include "resp.h"
#include "stream.h"

void record_array(struct record *record, const struct resp_word *words, size_t count);
void record_integer(struct record *record, int64_t integer);

/* "<type>text\r\n", by this program's own hands. */
void record_line(struct record *record, uint8_t type, struct resp_word text);

/* It lies in the first size bytes of the window. */
void expect_inside(struct resp_word word, const uint8_t *window, size_t size);

/* There is always memory for inputs as small as these. */
enum outcome outcome_of(enum resp_result result);

#endif
