/* resp2.c - the requests and replies of resp2.h, on top of those of resp.h.
 *
 * A reply is a tree, and is kept as a list in the order of the wire; so nothing here calls itself,
 * and no sender decides how deep a stack gets.  Texts are places in the window until all has come,
 * as in resp.c: their start waits where an integer has its value. */
#include "resp2.h"

#include "line.h"
#include "words.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 8, KEPT_CAPACITY = 1024 };

struct resp2_parser {
    struct resp_parser *requests;
    struct words words; /* of the inline request that came last */
    size_t searched;    /* of an inline request, or of a text: all before it has no end of line */

    struct resp2_value *values;
    size_t capacity, count;
    size_t missing[RESP2_DEEPEST + 1]; /* [d]: elements that are still to come at this depth */
    size_t depth;
    size_t at, needed; /* as in resp.c */
    bool in_bulk;      /* the bytes of the last value are still to come */
    bool is_busy;      /* with a reply that is not complete */
    bool has_failed;
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
    free(parser->values);
    free(parser);
}

/* --- requests --- */

static enum resp_result fail(struct resp2_parser *p)
{
    p->has_failed = true;
    return RESP_ERROR;
}

static enum resp_result parse_inline(struct resp2_parser *p, const uint8_t *window, size_t len,
                                     struct resp_request *request)
{
    const uint8_t *end = memchr(window + p->searched, '\n', len - p->searched);
    size_t size = end == NULL ? len : (size_t)(end - window);

    if (size > RESP2_LONGEST_INLINE)
        return fail(p);
    p->searched = end == NULL ? len : 0;
    if (end == NULL)
        return RESP_MORE;
    if (words_split(&p->words, window, size) < 0)
        return errno == ENOMEM ? RESP_NO_MEMORY : fail(p);
    *request = (struct resp_request){size + 1, p->words.count, p->words.words};
    return RESP_DONE;
}

enum resp_result resp2_parse(struct resp2_parser *parser, const uint8_t *window, size_t len,
                             struct resp_request *request)
{
    if (parser->has_failed)
        return RESP_ERROR;
    if (len > 0 && window[0] != RESP_ARRAY)
        return parse_inline(parser, window, len, request);
    enum resp_result result = resp_parse(parser->requests, window, len, request);
    return result == RESP_ERROR ? fail(parser) : result;
}

/* --- replies --- */

static void start_over(struct resp2_parser *p)
{
    if (p->capacity > KEPT_CAPACITY) {
        free(p->values);
        p->values = NULL;
        p->capacity = 0;
    }
    p->count = p->depth = p->at = p->searched = 0;
    p->in_bulk = false;
    p->missing[0] = 1;
}

static bool has_text(const struct resp2_value *value)
{
    return value->type != RESP_INTEGER && value->type != RESP_ARRAY && !value->is_null;
}

/* The value that is to come, all zero but its type; NULL: out of memory. */
static struct resp2_value *next_value(struct resp2_parser *p, int type)
{
    if (p->count == p->capacity) {
        size_t capacity = p->capacity == 0 ? FIRST_CAPACITY : 2 * p->capacity;
        struct resp2_value *values = realloc(p->values, capacity * sizeof *values);
        if (values == NULL)
            return NULL;
        p->values = values;
        p->capacity = capacity;
    }
    p->values[p->count] = (struct resp2_value){.type = type};
    return &p->values[p->count];
}

/* "$<len>\r\n" or "*<n>\r\n", with -1 for null. */
static enum resp_result read_length(const uint8_t *line, size_t len, struct resp2_value *value,
                                    size_t most, size_t *number, size_t *size)
{
    int64_t integer = 0;

    value->is_null = len > 1 && line[1] == '-';
    if (!value->is_null)
        return line_read_length(line, len, (char)value->type, most, number, size);
    enum resp_result result = line_read_integer(line, len, &integer, size);
    return result == RESP_DONE && integer != -1 ? RESP_ERROR : result;
}

static enum resp_result read_line(struct resp2_parser *p, const uint8_t *line, size_t len,
                                  struct resp2_value *value, size_t *size)
{
    switch (value->type) {
    case RESP_SIMPLE:
    case RESP_FAILURE: return line_read_text(line, len, &p->searched, &value->text, size);
    case RESP_INTEGER: return line_read_integer(line, len, &value->integer, size);
    case RESP_ARRAY: return read_length(line, len, value, RESP_MOST_WORDS, &value->count, size);
    case RESP2_BULK:
        return read_length(line, len, value, RESP_LONGEST_WORD, &value->text.len, size);
    default: return RESP_ERROR;
    }
}

/* A value has come; it may have been the last of its array, and that of another.  An array that
 * has elements waits for them first. */
static enum resp_result count_value(struct resp2_parser *p, size_t elements)
{
    p->missing[p->depth]--;
    if (elements > 0 && p->depth == RESP2_DEEPEST)
        return RESP_ERROR;
    if (elements > 0)
        p->missing[++p->depth] = elements;
    while (p->depth > 0 && p->missing[p->depth] == 0)
        p->depth--;
    return RESP_DONE;
}

static enum resp_result step(struct resp2_parser *p, enum resp_result result, size_t size)
{
    if (result == RESP_DONE)
        p->at += size;
    else
        p->needed = p->at + size;
    return p->at + size > RESP_LARGEST_REQUEST ? RESP_ERROR : result;
}

/* The line of the next value, which is all of it unless it is a bulk string. */
static enum resp_result read_value(struct resp2_parser *p, const uint8_t *window, size_t len)
{
    size_t start = p->at, size = CR_LF;

    if (start == len)
        return step(p, RESP_MORE, size);
    struct resp2_value *value = next_value(p, window[start]);
    if (value == NULL)
        return RESP_NO_MEMORY;
    enum resp_result result = read_line(p, window + start, len - start, value, &size);
    if (step(p, result, size) != RESP_DONE)
        return result == RESP_MORE ? RESP_MORE : RESP_ERROR;
    p->count++;
    p->searched = 0;
    p->in_bulk = value->type == RESP2_BULK && !value->is_null;
    if (has_text(value))
        value->integer = (int64_t)(p->in_bulk ? p->at : start + 1);
    return p->in_bulk ? RESP_DONE : count_value(p, value->count);
}

/* The bytes of the last value, a bulk string, and their CR LF. */
static enum resp_result read_bulk(struct resp2_parser *p, const uint8_t *window, size_t len)
{
    size_t bytes = p->values[p->count - 1].text.len, size = bytes + 1;
    enum resp_result result = RESP_MORE;

    if (len - p->at > bytes)
        result = line_read_end(window + p->at, len - p->at, bytes, &size);
    if (step(p, result, size) != RESP_DONE)
        return result == RESP_MORE ? RESP_MORE : RESP_ERROR;
    p->in_bulk = false;
    return count_value(p, 0);
}

static enum resp_result read_tree(struct resp2_parser *p, const uint8_t *window, size_t len)
{
    enum resp_result result = RESP_DONE;

    while (result == RESP_DONE && (p->missing[0] > 0 || p->depth > 0))
        result = p->in_bulk ? read_bulk(p, window, len) : read_value(p, window, len);
    return result;
}

/* All of it has come, and the window stays for now. */
static void find_texts(struct resp2_parser *p, const uint8_t *window)
{
    for (size_t i = 0; i < p->count; i++) {
        struct resp2_value *value = &p->values[i];
        if (!has_text(value))
            continue;
        value->text.data = window + value->integer;
        value->integer = 0;
    }
}

enum resp_result resp2_parse_reply(struct resp2_parser *parser, const uint8_t *window, size_t len,
                                   struct resp2_reply *reply)
{
    if (len < parser->needed)
        return RESP_MORE;
    if (parser->has_failed)
        return RESP_ERROR;
    if (!parser->is_busy)
        start_over(parser);
    enum resp_result result = read_tree(parser, window, len);
    parser->is_busy = result == RESP_MORE || result == RESP_NO_MEMORY;
    if (result != RESP_MORE)
        parser->needed = 0;
    if (result == RESP_ERROR)
        return fail(parser);
    if (result != RESP_DONE)
        return result;
    find_texts(parser, window);
    *reply = (struct resp2_reply){parser->at, parser->count, parser->values};
    return RESP_DONE;
}

/* --- bytes out --- */

size_t resp2_write_bulk(uint8_t *out, size_t room, struct resp_word word)
{
    size_t size = line_word_size(word);

    if (size <= room)
        line_write_word(out, word);
    return size;
}

size_t resp2_write_null(uint8_t *out, size_t room)
{
    static const uint8_t null[] = {'$', '-', '1', '\r', '\n'};

    if (sizeof null <= room)
        memcpy(out, null, sizeof null);
    return sizeof null;
}
