/* parse_ours.c - the parser of resp.h: it is shown the pieces where they lie. */
#include "parse_bench.h"
#include "resp.h"

static struct resp_parser *parser;

static bool open_parser(void)
{
    parser = resp_parser_new();
    return parser != NULL;
}

static void see(const struct resp_request *request, struct found *found, bool with_hash)
{
    found->commands++;
    for (size_t i = 0; i < request->count; i++)
        see_word(found, request->words[i].data, request->words[i].len, with_hash);
}

/* The window begins behind the last request and ends with the last piece. */
static bool parse(const struct stream *stream, size_t chunk, struct found *found, bool with_hash)
{
    const uint8_t *start = stream->data, *end = start, *last = start + stream->size;
    struct resp_parser *p = parser;

    for (;;) {
        struct resp_request request;
        enum resp_result result = resp_parse(p, start, (size_t)(end - start), &request);
        if (result == RESP_DONE) {
            see(&request, found, with_hash);
            start += request.size;
        } else if (result != RESP_MORE || end == last) {
            return result == RESP_MORE && start == last;
        } else {
            end = (size_t)(last - end) > chunk ? end + chunk : last;
        }
    }
}

const struct side *side_named(bool bare)
{
    static const struct side ours = {true, open_parser, parse};

    (void)bare;
    return &ours;
}
