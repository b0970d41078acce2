/* resp.c - the requests and replies of resp.h.
 *
 * A parser notes three things about the window between two calls: the place where the line or the
 * word begins that it waits for, the words before that place, and how long the window has to be
 * before there is anything new to see.  A call that comes too early ends at once: so a word of any
 * size is waited for without a look at it, and only a length that is cut is ever read again.
 *
 * The window may move, so words are kept as places in it, and become pointers when the last one has
 * come.  Memory is taken for a word when all of it is there. */
#include "resp_reply.h"

#include "line.h"

#include <assert.h>
#include <stdlib.h>

enum { FIRST_CAPACITY = 8, KEPT_CAPACITY = 1024 };

/* A word: where it is in the window, and at last what the caller gets. */
union element {
    struct {
        size_t start, len;
    } place;
    struct resp_word word;
};

static_assert(sizeof(union element) == sizeof(struct resp_word), "an array of one is one of both");

struct resp_parser {
    size_t at;               /* all before it was read, and is right */
    size_t needed;           /* a shorter window shows nothing new */
    size_t announced, count; /* words */
    size_t word_len;         /* of the word at this place */
    size_t searched;         /* of a text: all before it holds no CR LF */
    bool has_announced, has_word_len;
    bool has_failed, is_done;
    size_t capacity;
    union element *elements;
};

struct resp_parser *resp_parser_new(void)
{
    return calloc(1, sizeof(struct resp_parser));
}

void resp_parser_free(struct resp_parser *parser)
{
    if (parser == NULL)
        return;
    free(parser->elements);
    free(parser);
}

/* Ready for the next one.  What was large once may never be so again. */
static void start_over(struct resp_parser *p)
{
    if (p->capacity > KEPT_CAPACITY) {
        free(p->elements);
        p->elements = NULL;
        p->capacity = 0;
    }
    p->at = p->count = p->searched = 0;
    p->has_announced = p->has_word_len = p->is_done = false;
}

static int reserve(struct resp_parser *p)
{
    if (p->count < p->capacity)
        return 0;
    size_t capacity = p->capacity == 0 ? FIRST_CAPACITY : 2 * p->capacity;
    union element *elements = realloc(p->elements, capacity * sizeof *elements);
    if (elements == NULL)
        return -1;
    p->elements = elements;
    p->capacity = capacity;
    return 0;
}

/* What was looked for at this place was found there, or not, and takes so many bytes. */
static enum resp_result step(struct resp_parser *p, enum resp_result result, size_t size)
{
    if (result == RESP_DONE)
        p->at += size;
    else
        p->needed = p->at + size;
    return result;
}

static enum resp_result read_length(struct resp_parser *p, const uint8_t *window, size_t len,
                                    char type, size_t most, size_t *number)
{
    size_t size;
    enum resp_result result =
        line_read_length(window + p->at, len - p->at, type, most, number, &size);

    return step(p, result, size);
}

static enum resp_result read_word_len(struct resp_parser *p, const uint8_t *window, size_t len)
{
    enum resp_result result = read_length(p, window, len, '$', RESP_LONGEST_WORD, &p->word_len);

    p->has_word_len = result == RESP_DONE;
    if (result == RESP_DONE && p->at + p->word_len + CR_LF > RESP_LARGEST_REQUEST)
        return RESP_ERROR;
    return result;
}

/* The bytes of a word and their CR LF, which is no line's: so an error is due at its first byte. */
static enum resp_result read_word(struct resp_parser *p, const uint8_t *window, size_t len)
{
    size_t start = p->at, size;

    if (len - start <= p->word_len)
        return step(p, RESP_MORE, p->word_len + 1);
    if (reserve(p) < 0)
        return RESP_NO_MEMORY;
    enum resp_result result = line_read_end(window + start, len - start, p->word_len, &size);
    if (step(p, result, size) != RESP_DONE)
        return result;
    union element *e = &p->elements[p->count++];
    e->place.start = start;
    e->place.len = p->word_len;
    p->has_word_len = false;
    return RESP_DONE;
}

static enum resp_result read_array(struct resp_parser *p, const uint8_t *window, size_t len)
{
    enum resp_result result = RESP_DONE;

    if (!p->has_announced) {
        result = read_length(p, window, len, '*', RESP_MOST_WORDS, &p->announced);
        p->has_announced = result == RESP_DONE;
    }
    while (result == RESP_DONE && p->count < p->announced) {
        if (!p->has_word_len)
            result = read_word_len(p, window, len);
        if (result == RESP_DONE)
            result = read_word(p, window, len);
    }
    return result;
}

/* All of it has come, and the window stays for now: places become words. */
static const struct resp_word *words_in(struct resp_parser *p, const uint8_t *window)
{
    for (size_t i = 0; i < p->count; i++) {
        union element *e = &p->elements[i];
        e->word = (struct resp_word){window + e->place.start, e->place.len};
    }
    return (const struct resp_word *)p->elements;
}

/* What every call ends with: an error stays, and behind a complete one the next begins. */
static enum resp_result note(struct resp_parser *p, enum resp_result result)
{
    p->is_done = result == RESP_DONE;
    p->has_failed = result == RESP_ERROR;
    if (result != RESP_MORE)
        p->needed = 0;
    return result;
}

enum resp_result resp_parse(struct resp_parser *parser, const uint8_t *window, size_t len,
                            struct resp_request *request)
{
    if (len < parser->needed)
        return RESP_MORE;
    if (parser->has_failed)
        return RESP_ERROR;
    if (parser->is_done)
        start_over(parser);
    enum resp_result result = read_array(parser, window, len);
    if (result == RESP_DONE)
        *request = (struct resp_request){parser->at, parser->count, words_in(parser, window)};
    return note(parser, result);
}

static enum resp_result read_reply(struct resp_parser *p, const uint8_t *window, size_t len,
                                   struct resp_reply *reply)
{
    enum resp_result result;
    size_t size = 1;

    if (len == 0)
        return step(p, RESP_MORE, size);
    reply->type = (enum resp_type)window[0];
    switch (reply->type) {
    case RESP_ARRAY: return read_array(p, window, len);
    case RESP_INTEGER: result = line_read_integer(window, len, &reply->integer, &size); break;
    case RESP_SIMPLE:
    case RESP_FAILURE:
        result = line_read_text(window, len, &p->searched, &reply->text, &size);
        break;
    default: return RESP_ERROR;
    }
    return step(p, result, size);
}

enum resp_result resp_parse_reply(struct resp_parser *parser, const uint8_t *window, size_t len,
                                  struct resp_reply *reply)
{
    struct resp_reply found = {0};

    if (len < parser->needed)
        return RESP_MORE;
    if (parser->has_failed)
        return RESP_ERROR;
    if (parser->is_done)
        start_over(parser);
    enum resp_result result = read_reply(parser, window, len, &found);
    if (result == RESP_DONE) {
        found.size = parser->at;
        found.count = parser->count;
        found.words = words_in(parser, window);
        *reply = found;
    }
    return note(parser, result);
}

size_t resp_write_array(uint8_t *out, size_t room, const struct resp_word *words, size_t count)
{
    size_t size = line_size(count);

    for (size_t i = 0; i < count; i++)
        size += line_word_size(words[i]);
    if (size > room)
        return size;
    out = line_write(out, RESP_ARRAY, count);
    for (size_t i = 0; i < count; i++)
        out = line_write_word(out, words[i]);
    return size;
}

/* A sign makes the line one byte longer, and then stands where the type byte of a positive number
 * would; no uint64_t is too small for the magnitude of INT64_MIN. */
size_t resp_write_integer(uint8_t *out, size_t room, int64_t integer)
{
    bool is_negative = integer < 0;
    uint64_t magnitude = is_negative ? -(uint64_t)integer : (uint64_t)integer;
    size_t size = line_size(magnitude) + is_negative;

    if (size > room)
        return size;
    *out = RESP_INTEGER;
    line_write(out + is_negative, is_negative ? '-' : RESP_INTEGER, magnitude);
    return size;
}
