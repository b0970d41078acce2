/* resp2.c - the requests and replies of resp2.h, on top of those of resp.h.
 *
 * A reply is a tree, and is kept as a list in the order of the wire.  What has to be noted to find
 * its end, if no function is to call itself? */
#include "resp2.h"

#include "line.h"
#include "words.h"

#include <errno.h>
#include <stdlib.h>

struct resp2_parser {
    struct resp_parser *requests;
    struct words words; /* of the inline request that came last */
    bool has_failed;
    /* Your fields here. */
};

struct resp2_parser *resp2_parser_new(void)
{
    struct resp2_parser *parser = calloc(1, sizeof *parser);

    if (parser != NULL && (parser->requests = resp_parser_new()) == NULL) {
        free(parser);
        return NULL;
    }
    return parser;
}

void resp2_parser_free(struct resp2_parser *parser)
{
    if (parser == NULL)
        return;
    resp_parser_free(parser->requests);
    words_free(&parser->words);
    /* What else belongs to it?  Your code here. */
    free(parser);
}

/* Stage 3.15: a line, and words_split. */
static enum resp_result parse_inline(struct resp2_parser *p, const uint8_t *window, size_t len,
                                     struct resp_request *request)
{
    (void)p;
    (void)window;
    (void)len;
    (void)request;
    /* Your code here. */
    return RESP_ERROR;
}

/* Stage 3.15: which byte tells an inline request from an array? */
enum resp_result resp2_parse(struct resp2_parser *parser, const uint8_t *window, size_t len,
                             struct resp_request *request)
{
    (void)parser;
    (void)window;
    (void)len;
    (void)request;
    (void)parse_inline;
    /* Your code here. */
    return RESP_ERROR;
}

/* For kv_client --resp2.  How deep may arrays be in one another, and who decides that? */
enum resp_result resp2_parse_reply(struct resp2_parser *parser, const uint8_t *window, size_t len,
                                   struct resp2_reply *reply)
{
    (void)parser;
    (void)window;
    (void)len;
    (void)reply;
    /* Your code here. */
    return RESP_ERROR;
}

/* Stage 3.15. */
size_t resp2_write_bulk(uint8_t *out, size_t room, struct resp_word word)
{
    (void)out;
    (void)room;
    (void)word;
    /* Your code here. */
    return 0;
}

/* Stage 3.15. */
size_t resp2_write_null(uint8_t *out, size_t room)
{
    (void)out;
    (void)room;
    /* Your code here. */
    return 0;
}
