/* requests.c - the requests of requests.h: a parser, and a stricter limit. */
#include "requests.h"

#include <stdlib.h>
#include <string.h>

enum { CR_LF = 2 };

bool requests_init(struct requests *requests, bool is_resp2)
{
    *requests = (struct requests){0};
    if (is_resp2)
        requests->parser2 = resp2_parser_new();
    else
        requests->parser = resp_parser_new();
    return requests->parser != NULL || requests->parser2 != NULL;
}

void requests_free(struct requests *requests)
{
    resp_parser_free(requests->parser);
    resp2_parser_free(requests->parser2);
}

/* Of an array that has come in part.  Its lines that are complete are right: the parser has read
 * them; each that begins with '$' announces a word. */
static bool is_too_large(struct requests *requests, const uint8_t *window, size_t len)
{
    size_t at = requests->announced;

    if (len == 0 || window[0] != '*')
        return false;
    while (at < len) {
        const uint8_t *line = window + at, *end = memchr(line, '\n', len - at);
        if (end == NULL)
            break;
        at += (size_t)(end - line) + 1;
        if (*line == '$')
            at += strtoul((const char *)line + 1, NULL, 10) + CR_LF;
        requests->announced = at;
    }
    return at > LARGEST_ENTRY;
}

enum resp_result requests_parse(struct requests *requests, const uint8_t *window, size_t len,
                                struct resp_request *request)
{
    enum resp_result result = requests->parser2 != NULL
                                  ? resp2_parse(requests->parser2, window, len, request)
                                  : resp_parse(requests->parser, window, len, request);

    if (result == RESP_MORE)
        return is_too_large(requests, window, len) ? RESP_ERROR : RESP_MORE;
    requests->announced = 0;
    return result == RESP_DONE && request->size > LARGEST_ENTRY ? RESP_ERROR : result;
}
