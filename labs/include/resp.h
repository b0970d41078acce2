/* resp.h - the Redis serialization protocol, simplified: requests, and what is written.
 *
 * A request is an array of words, "*<n>\r\n" and n times "$<len>\r\n<len bytes>\r\n".  Words may
 * hold any byte.  (Replies: resp_reply.h.)
 *
 * Bytes come in pieces cut anywhere, so a parser is shown a window: all that came and was not used
 * yet, longer at each call, and maybe at another place in memory.  It keeps how far it got, at
 * least to the last line or word that is complete: so the time is linear, however the pieces are
 * cut.  Nothing prints. */
#ifndef RESP_H
#define RESP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Beyond these a request is an error as soon as that can be seen, before memory is taken for it. */
enum {
    RESP_MOST_WORDS = 1 << 20,
    RESP_LONGEST_WORD = 512 << 20,
    RESP_LARGEST_REQUEST = 1 << 30,
    RESP_LONGEST_LINE = 32, /* of a length: the type byte counts, CR LF does not */
};

/* A string of bytes: no NUL at its end, and any inside. */
struct resp_word {
    const uint8_t *data;
    size_t len;
};

enum resp_result {
    RESP_MORE,  /* what is there is a beginning: call again with more */
    RESP_DONE,  /* one is complete */
    RESP_ERROR, /* no continuation makes this right; it stays so for this parser */
    RESP_NO_MEMORY,
};

struct resp_request {
    size_t size; /* bytes of the window that it took: the next window starts behind them */
    size_t count;
    const struct resp_word *words; /* they point into the window; the array lives until the next
                                      call with this parser */
};

/* NULL with errno (ENOMEM). */
struct resp_parser *resp_parser_new(void);
void resp_parser_free(struct resp_parser *parser);

/* Looks for a request at the start of the window.  *request is set on RESP_DONE only.  An error is
 * told by the CR LF or the 33rd byte of a bad line, or sooner; one in the CR LF behind a word, at
 * its first wrong byte.  Uses memory for words that arrived, never for numbers that were announced.
 * RESP_NO_MEMORY: the same call may be made again. */
enum resp_result resp_parse(struct resp_parser *parser, const uint8_t *window, size_t len,
                            struct resp_request *request);

/* Encoders write to out, which has room bytes, and return the whole size.  If that is more than
 * room, nothing was written; with room 0, out may be NULL. */
size_t resp_write_array(uint8_t *out, size_t room, const struct resp_word *words, size_t count);
size_t resp_write_integer(uint8_t *out, size_t room, int64_t integer);

#endif
