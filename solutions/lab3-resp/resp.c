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

/* Where a word is in the window: never at 0, where the line of its array is. */
struct place {
    size_t start, len;
};

/* A word as it is found, and as the caller gets it. */
union element {
    struct place place;
    struct resp_word word;
};

static_assert(sizeof(union element) == sizeof(struct resp_word), "an array of one is one of both");

struct resp_parser {
    size_t at;               /* all before it was read, and is right */
    size_t needed;           /* a shorter window shows nothing new */
    size_t announced, count; /* words */
    struct place awaited;    /* the word whose line was read; its start is 0 if there is none */
    size_t searched;         /* of a text: all before it holds no CR LF */
    enum resp_result last;   /* of the calls */
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
}

/* After a call that had an end: an error stays, and behind a request begins the next. */
static bool go_on(struct resp_parser *p)
{
    if (p->last == RESP_DONE)
        start_over(p);
    return p->last != RESP_ERROR;
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

/* What was looked for ends before this place, or is not there before the window reaches it. */
static enum resp_result step(struct resp_parser *p, enum resp_result result, size_t place)
{
    if (result == RESP_DONE)
        p->at = place;
    else
        p->needed = place;
    return result;
}

/* Where the next word is: its line tells, unless it was read before. */
static enum resp_result read_place(struct resp_parser *p, const uint8_t *window, size_t len,
                                   size_t *start, size_t *word_len)
{
    size_t size;

    if (p->awaited.start > 0) {
        *start = p->awaited.start;
        *word_len = p->awaited.len;
        return RESP_DONE;
    }
    enum resp_result result =
        line_read_length(window + p->at, len - p->at, '$', RESP_LONGEST_WORD, word_len, &size);
    if (result != RESP_DONE)
        return step(p, result, p->at + size);
    *start = p->at + size;
    return *start + *word_len + CR_LF > RESP_LARGEST_REQUEST ? RESP_ERROR : RESP_DONE;
}

/* The CR LF behind its bytes is no line's: so an error is due at its first byte. */
static enum resp_result read_word(struct resp_parser *p, const uint8_t *window, size_t len)
{
    size_t start = 0, word_len = 0, end;
    enum resp_result result = read_place(p, window, len, &start, &word_len);

    if (result != RESP_DONE)
        return result;
    if (len - start <= word_len) {
        p->awaited = (struct place){start, word_len};
        return step(p, RESP_MORE, start + word_len + 1);
    }
    if (reserve(p) < 0)
        return RESP_NO_MEMORY;
    result = line_read_end(window, len, start + word_len, &end);
    if (result == RESP_DONE) {
        p->elements[p->count++].place = (struct place){start, word_len};
        p->awaited.start = 0;
    }
    return step(p, result, end);
}

static inline enum resp_result read_array(struct resp_parser *p, const uint8_t *window, size_t len)
{
    enum resp_result result = RESP_DONE;
    size_t size;

    if (p->at == 0) {
        result = line_read_length(window, len, '*', RESP_MOST_WORDS, &p->announced, &size);
        step(p, result, size);
    }
    while (result == RESP_DONE && p->count < p->announced)
        result = read_word(p, window, len);
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

/* What every call ends with. */
static enum resp_result note(struct resp_parser *p, enum resp_result result)
{
    p->last = result;
    if (result != RESP_MORE)
        p->needed = 0;
    return result;
}

enum resp_result resp_parse(struct resp_parser *parser, const uint8_t *window, size_t len,
                            struct resp_request *request)
{
    if (len < parser->needed)
        return RESP_MORE;
    if (parser->last != RESP_MORE && !go_on(parser))
        return RESP_ERROR;
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
    if (parser->last != RESP_MORE && !go_on(parser))
        return RESP_ERROR;
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
