/* resp.c - the requests and replies of resp.h.
 *
 * The window may be another piece of memory at each call.  What does a parser have to note between
 * two calls, so that it goes on where it was, and what can it not note? */
#include "resp_reply.h"

#include "line.h"

#include <stdlib.h>

struct resp_parser {
    size_t at; /* all before it was read, and is right */
    bool has_failed;
    /* Your fields here. */
};

struct resp_parser *resp_parser_new(void)
{
    return calloc(1, sizeof(struct resp_parser));
}

void resp_parser_free(struct resp_parser *parser)
{
    /* What else belongs to it?  Your code here. */
    free(parser);
}

/* Room for one more word.  Stage 3.6: when is it known that the word exists?  -1: out of memory. */
static int reserve(struct resp_parser *p)
{
    (void)p;
    /* Your code here. */
    return -1;
}

/* Stage 3.1: "$<len>\r\n", the bytes, CR LF.  Stage 3.2: any part of it may be missing still, and
 * what came is not looked at again.  Stage 3.4: which of the bytes mean anything? */
static enum resp_result read_word(struct resp_parser *p, const uint8_t *window, size_t len)
{
    (void)p;
    (void)window;
    (void)len;
    (void)reserve;
    /* Your code here. */
    return RESP_ERROR;
}

/* Stage 3.1: "*<n>\r\n", and n words. */
static enum resp_result read_array(struct resp_parser *p, const uint8_t *window, size_t len)
{
    (void)p;
    (void)window;
    (void)len;
    (void)read_word;
    /* Your code here. */
    return RESP_ERROR;
}

/* Stage 3.1.  Stage 3.3: the next request starts behind this one.  Stage 3.5: an error stays.
 * Stage 3.7: how long must the window be before there is anything new to see? */
enum resp_result resp_parse(struct resp_parser *parser, const uint8_t *window, size_t len,
                            struct resp_request *request)
{
    (void)parser;
    (void)window;
    (void)len;
    (void)request;
    (void)read_array;
    /* Your code here. */
    return RESP_ERROR;
}

/* Stage 3.9: the first byte says of which kind it is. */
enum resp_result resp_parse_reply(struct resp_parser *parser, const uint8_t *window, size_t len,
                                  struct resp_reply *reply)
{
    (void)parser;
    (void)window;
    (void)len;
    (void)reply;
    /* Your code here. */
    return RESP_ERROR;
}

/* Stage 3.8: the size first. */
size_t resp_write_array(uint8_t *out, size_t room, const struct resp_word *words, size_t count)
{
    (void)out;
    (void)room;
    (void)words;
    (void)count;
    /* Your code here. */
    return 0;
}

/* Stage 3.8: what is -INT64_MIN? */
size_t resp_write_integer(uint8_t *out, size_t room, int64_t integer)
{
    (void)out;
    (void)room;
    (void)integer;
    /* Your code here. */
    return 0;
}
