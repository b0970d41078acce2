/* resp_reply.h - the replies of the simplified Redis protocol, as a client reads them.
 *
 * A reply is "+text\r\n", "-text\r\n", ":integer\r\n", or an array of words as a request is.  It
 * is looked for in a window, as in resp.h, with a parser that reads nothing but replies. */
#ifndef RESP_REPLY_H
#define RESP_REPLY_H

#include "resp.h"

enum resp_type { RESP_SIMPLE = '+', RESP_FAILURE = '-', RESP_INTEGER = ':', RESP_ARRAY = '*' };

struct resp_reply {
    enum resp_type type;
    size_t size;           /* bytes of the window that it took */
    struct resp_word text; /* of RESP_SIMPLE and RESP_FAILURE: without type byte and CR LF */
    int64_t integer;
    size_t count; /* of RESP_ARRAY, and its elements */
    const struct resp_word *words;
};

/* As resp_parse, for a reply.  A text ends at the first CR LF; integers are signed,
 * "-1" and "0" but not "+1", "-0" or "01", and overflow is an error.  The limits are those of a
 * request; a text has RESP_LARGEST_REQUEST alone. */
enum resp_result resp_parse_reply(struct resp_parser *parser, const uint8_t *window, size_t len,
                                  struct resp_reply *reply);

#endif
