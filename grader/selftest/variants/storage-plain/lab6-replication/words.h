/* words.h - requests, split into words: what resp.h calls the simplified Redis protocol, with the
 * limits of a cluster. */
#ifndef WORDS_H
#define WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WORDS_MOST = 1 << 20, WORDS_LARGEST_REQUEST = 15 << 20 };

enum words_result { WORDS_MORE, WORDS_DONE, WORDS_BAD, WORDS_NO_MEMORY };

/* Where a word is in the request. */
struct word {
    uint32_t at, size;
};

/* All zero at first.  It is shown one request, again and again with more behind it. */
struct words {
    struct word *words;
    size_t count, room;
    size_t at;       /* all before this is known */
    size_t expected; /* so many words in all; known once at is not 0 */
    bool is_in_word; /* the last word's bytes are not there yet */
};

/* WORDS_DONE: words, count, and at, which is the size of the request, hold until the next call,
 * which is for the next request. */
enum words_result words_read(struct words *words, const uint8_t *data, size_t len);

/* For a new beginning, whatever came before. */
void words_reset(struct words *words);
void words_free(struct words *words);

#endif
