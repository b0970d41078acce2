/* resp2.c - the requests and replies of resp2.h.
 *
 * Requests: an array is resp.c's affair, a line that of words.c.  Replies: a machine as in resp.c,
 * with a stack of how many elements each open array still waits for.  Values keep their texts'
 * places until the reply is complete. */
#include "resp2.h"

#include "numeral.h"
#include "words.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { KEPT = 1024 };

enum state {
    AT_TYPE,
    IN_LINE, /* with a number */
    IN_DATA,
    AT_DATA_CR,
    AT_DATA_LF,
    IN_TEXT,
    AT_TEXT_LF,
    COMPLETE,
};

struct resp2_parser {
    struct resp_parser *requests;
    struct words words;
    size_t searched; /* of a line, for its LF */
    bool has_failed;
    bool has_delivered;

    enum state state;
    size_t at;
    struct numeral number;
    size_t start; /* of the text that is being read */
    size_t waits_for[RESP2_DEEPEST];
    size_t depth;
    struct resp2_value *values; /* text.data is set last */
    size_t *starts;             /* of their texts */
    size_t count, capacity;
};

struct resp2_parser *resp2_parser_new(void)
{
    struct resp2_parser *p = calloc(1, sizeof *p);

    if (p != NULL && (p->requests = resp_parser_new()) == NULL) {
        free(p);
        return NULL;
    }
    return p;
}

void resp2_parser_free(struct resp2_parser *p)
{
    if (p == NULL)
        return;
    resp_parser_free(p->requests);
    words_free(&p->words);
    free(p->values);
    free(p->starts);
    free(p);
}

static enum resp_result fail(struct resp2_parser *p)
{
    p->has_failed = true;
    return RESP_ERROR;
}

/* --- requests --- */

static enum resp_result parse_line(struct resp2_parser *p, const uint8_t *window, size_t len,
                                   struct resp_request *request)
{
    const uint8_t *lf = memchr(window + p->searched, '\n', len - p->searched);
    size_t end = lf == NULL ? len : (size_t)(lf - window);

    p->searched = end;
    if (end > RESP2_LONGEST_INLINE)
        return fail(p);
    if (lf == NULL)
        return RESP_MORE;
    size_t text = end > 0 && window[end - 1] == '\r' ? end - 1 : end;
    if (words_split(&p->words, window, text) < 0)
        return errno == EINVAL ? fail(p) : RESP_NO_MEMORY;
    p->searched = 0;
    *request = (struct resp_request){end + 1, p->words.count, p->words.words};
    return RESP_DONE;
}

enum resp_result resp2_parse(struct resp2_parser *p, const uint8_t *window, size_t len,
                             struct resp_request *request)
{
    if (p->words.capacity > KEPT)
        words_free(&p->words);
    if (p->has_failed)
        return RESP_ERROR;
    if (len == 0)
        return RESP_MORE;
    if (window[0] != '*')
        return parse_line(p, window, len, request);
    return resp_parse(p->requests, window, len, request);
}

/* --- replies --- */

static bool reserve(struct resp2_parser *p)
{
    size_t capacity = p->capacity == 0 ? 8 : 2 * p->capacity;

    if (p->count < p->capacity)
        return true;
    struct resp2_value *values = realloc(p->values, capacity * sizeof *values);
    if (values == NULL)
        return false;
    p->values = values;
    size_t *starts = realloc(p->starts, capacity * sizeof *starts);
    if (starts == NULL)
        return false;
    p->starts = starts;
    p->capacity = capacity;
    return true;
}

static struct resp2_value *value_of(struct resp2_parser *p)
{
    return &p->values[p->count - 1];
}

/* A value is complete; with it maybe the arrays that it is the last of. */
static void close_value(struct resp2_parser *p)
{
    while (p->depth > 0 && --p->waits_for[p->depth - 1] == 0)
        p->depth--;
    p->state = p->depth == 0 ? COMPLETE : AT_TYPE;
}

static void open_array(struct resp2_parser *p, size_t count)
{
    if (count == 0) {
        close_value(p);
        return;
    }
    p->waits_for[p->depth++] = count;
    p->state = AT_TYPE;
}

static void close_line(struct resp2_parser *p)
{
    struct resp2_value *value = value_of(p);

    if (value->type == RESP_INTEGER) {
        value->integer = numeral_integer(&p->number);
        close_value(p);
    } else if (p->number.is_negative) {
        value->is_null = true;
        close_value(p);
    } else if (value->type == RESP_ARRAY) {
        value->count = (size_t)p->number.value;
        open_array(p, value->count);
    } else {
        value->text.len = (size_t)p->number.value;
        p->starts[p->count - 1] = p->at + 1;
        p->state = IN_DATA;
        if (p->at + 1 + value->text.len + 2 > RESP_LARGEST_REQUEST)
            fail(p);
    }
}

static void eat_type(struct resp2_parser *p, uint8_t c)
{
    p->state = IN_LINE;
    switch (c) {
    case RESP_ARRAY: numeral_start(&p->number, NUMERAL_NULLABLE, RESP_MOST_WORDS); break;
    case RESP2_BULK: numeral_start(&p->number, NUMERAL_NULLABLE, RESP_LONGEST_WORD); break;
    case RESP_INTEGER: numeral_start(&p->number, NUMERAL_INTEGER, 0); break;
    case RESP_SIMPLE:
    case RESP_FAILURE: p->state = IN_TEXT; break;
    default: fail(p); return;
    }
    if (c == RESP_ARRAY && p->depth == RESP2_DEEPEST)
        fail(p);
    p->values[p->count] = (struct resp2_value){.type = c};
    p->starts[p->count++] = p->at + 1;
}

static void eat_in_line(struct resp2_parser *p, uint8_t c)
{
    enum numeral_result result = numeral_feed(&p->number, c);

    if (result == NUMERAL_IS_WRONG)
        fail(p);
    else if (result == NUMERAL_ENDS)
        close_line(p);
}

static void eat_text_lf(struct resp2_parser *p, uint8_t c)
{
    if (c == '\n') {
        value_of(p)->text.len = p->at - 1 - p->starts[p->count - 1];
        close_value(p);
    } else if (c != '\r') {
        p->state = IN_TEXT;
    }
}

static void eat(struct resp2_parser *p, uint8_t c)
{
    switch (p->state) {
    case AT_TYPE: eat_type(p, c); break;
    case IN_LINE: eat_in_line(p, c); break;
    case AT_DATA_CR:
        p->state = AT_DATA_LF;
        if (c != '\r')
            fail(p);
        break;
    case AT_DATA_LF:
        close_value(p);
        if (c != '\n')
            fail(p);
        break;
    case AT_TEXT_LF: eat_text_lf(p, c); break;
    default: break;
    }
    p->at++;
}

static bool jump(struct resp2_parser *p, const uint8_t *window, size_t len)
{
    if (p->state == IN_DATA) {
        size_t end = p->starts[p->count - 1] + value_of(p)->text.len;
        p->at = end < len ? end : len;
        if (end <= len)
            p->state = AT_DATA_CR;
    } else if (p->state == IN_TEXT && p->at < len) {
        const uint8_t *cr = memchr(window + p->at, '\r', len - p->at);
        p->at = cr == NULL ? len : (size_t)(cr - window) + 1;
        if (cr != NULL)
            p->state = AT_TEXT_LF;
    }
    return p->at < len;
}

static void start_anew(struct resp2_parser *p)
{
    if (p->capacity > KEPT) {
        free(p->values);
        free(p->starts);
        p->values = NULL;
        p->starts = NULL;
        p->capacity = 0;
    }
    p->has_delivered = false;
    p->state = AT_TYPE;
    p->at = p->count = p->depth = 0;
}

enum resp_result resp2_parse_reply(struct resp2_parser *p, const uint8_t *window, size_t len,
                                   struct resp2_reply *reply)
{
    if (p->has_delivered)
        start_anew(p);
    while (!p->has_failed && p->state != COMPLETE && jump(p, window, len)) {
        if (p->state == AT_TYPE && !reserve(p))
            return RESP_NO_MEMORY;
        eat(p, window[p->at]);
    }
    if (p->has_failed)
        return RESP_ERROR;
    if (p->state != COMPLETE)
        return RESP_MORE;
    for (size_t i = 0; i < p->count; i++)
        if (p->values[i].type == RESP_SIMPLE || p->values[i].type == RESP_FAILURE ||
            (p->values[i].type == RESP2_BULK && !p->values[i].is_null))
            p->values[i].text.data = window + p->starts[i];
    *reply = (struct resp2_reply){p->at, p->count, p->values};
    p->has_delivered = true;
    return RESP_DONE;
}
