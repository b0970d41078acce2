/* resp2.h - what RESP2, as Redis speaks it, has beyond resp.h.  (An extension.)
 *
 * A request may also be inline: a line of words as a person types it.  A reply may also be a bulk
 * string, "$<len>\r\n<len bytes>\r\n"; or null, "$-1\r\n" or "*-1\r\n"; and the elements of an
 * array may be replies of any kind, arrays too.  Windows, results and errors are as in resp.h. */
#ifndef RESP2_H
#define RESP2_H

#include "resp_reply.h"

enum {
    RESP2_BULK = '$',               /* the further type, beside those of enum resp_type */
    RESP2_LONGEST_INLINE = 1 << 16, /* bytes, LF not counted */
    RESP2_DEEPEST = 32,             /* arrays in one another */
};

/* NULL with errno (ENOMEM). */
struct resp2_parser *resp2_parser_new(void);
void resp2_parser_free(struct resp2_parser *parser);

/* As resp_parse; and what begins with any other byte than '*' is a line up to LF, or CR LF: words
 * with blanks (white space, or NUL) between them, maybe none at all.  "Double quotes" keep blanks,
 * and know \n \r \t \a \b, \xHH, and \ before any other byte for that byte; 'single quotes' know
 * \' alone.  A quote that is not closed, or goes on without a blank behind it, is an error.  Such
 * words belong to the parser, and live until the next call. */
enum resp_result resp2_parse(struct resp2_parser *parser, const uint8_t *window, size_t len,
                             struct resp_request *request);

/* One value of a reply. */
struct resp2_value {
    int type;              /* of enum resp_type, or RESP2_BULK */
    bool is_null;          /* of RESP2_BULK and RESP_ARRAY */
    struct resp_word text; /* of RESP_SIMPLE, RESP_FAILURE and RESP2_BULK */
    int64_t integer;
    size_t count; /* of RESP_ARRAY: its elements */
};

/* The reply itself comes first, and each array is followed by its elements, each with its own. */
struct resp2_reply {
    size_t size; /* bytes of the window that it took */
    size_t count;
    const struct resp2_value *values; /* until the next call with this parser */
};

enum resp_result resp2_parse_reply(struct resp2_parser *parser, const uint8_t *window, size_t len,
                                   struct resp2_reply *reply);

/* Encoders, as in resp.h. */
size_t resp2_write_bulk(uint8_t *out, size_t room, struct resp_word word);
size_t resp2_write_null(uint8_t *out, size_t room); /* "$-1\r\n" */

#endif
