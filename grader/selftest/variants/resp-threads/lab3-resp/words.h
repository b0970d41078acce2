/* words.h - a line as a person types it, split into words. */
#ifndef WORDS_H
#define WORDS_H

#include "resp.h"

/* All zero: none. */
struct words {
    struct resp_word *words;
    size_t count, capacity;
    uint8_t *bytes; /* of all words, one behind the other */
};

/* Splits line at its blanks.  Within "double quotes" a blank is a byte like any other, and \n \r \t
 * \a \b are what they are in C, \xHH is a byte, \ and any other byte is that byte; 'single quotes'
 * know \' alone.  What was there before is dropped.  -1 with errno: EINVAL where a quote is not
 * closed, or where no blank follows it; ENOMEM. */
int words_split(struct words *words, const uint8_t *line, size_t len);

void words_free(struct words *words);

#endif
