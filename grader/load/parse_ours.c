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
    const uint8_t *data = stream->data;
    size_t start = 0, end = 0;

    while (end < stream->size) {
        struct resp_request request;
        enum resp_result result;
        end = stream->size - end > chunk ? end + chunk : stream->size;
        while ((result = resp_parse(parser, data + start, end - start, &request)) == RESP_DONE) {
            see(&request, found, with_hash);
            start += request.size;
        }
        if (result != RESP_MORE)
            return false;
    }
    return start == stream->size;
}

const struct side *side_named(bool bare)
{
    static const struct side ours = {true, open_parser, parse};

    (void)bare;
    return &ours;
}
