/* resp.c - the parsers of resp.h and resp_reply.h: one machine that eats a byte at a time, and
 * jumps over data.
 *
 * Noted between calls: the state, and for each complete word its place and length, 32 bits each
 * (a request has no more than 2^30 bytes).  They become pointers once, when all is there. */
#include "resp_reply.h"

#include "numeral.h"

#include <stdlib.h>
#include <string.h>

enum state {
    AT_TYPE,
    IN_COUNT,
    AT_DOLLAR,
    IN_LENGTH,
    IN_DATA,
    AT_DATA_CR,
    AT_DATA_LF,
    IN_TEXT,
    AT_TEXT_LF, /* behind a CR that may be the text's own */
    IN_INTEGER,
    COMPLETE,
    DELIVERED,
    FAILED,
};

enum { SMALLEST_WORD = 6 /* "$0\r\n\r\n" */, KEPT = 1024 /* words' room, from one to the next */ };

struct place {
    uint32_t start, len;
};

struct resp_parser {
    enum state state;
    size_t at; /* all before it was eaten */
    struct numeral number;
    size_t announced;
    struct place word;   /* that is being read */
    struct place *places; /* of those that were */
    size_t count, capacity;
    struct resp_word *words;
    size_t words_capacity;
};

struct resp_parser *resp_parser_new(void)
{
    return calloc(1, sizeof(struct resp_parser));
}

void resp_parser_free(struct resp_parser *p)
{
    if (p == NULL)
        return;
    free(p->places);
    free(p->words);
    free(p);
}

static void drop_places(struct resp_parser *p)
{
    free(p->places);
    p->places = NULL;
    p->capacity = 0;
}

static void drop_words(struct resp_parser *p)
{
    free(p->words);
    p->words = NULL;
    p->words_capacity = 0;
}

static void start_anew(struct resp_parser *p)
{
    if (p->capacity > KEPT)
        drop_places(p);
    if (p->words_capacity > KEPT)
        drop_words(p);
    p->state = AT_TYPE;
    p->at = p->count = p->announced = 0;
}

static void fail(struct resp_parser *p)
{
    drop_places(p);
    drop_words(p);
    p->state = FAILED;
}

/* False: out of memory, and nothing has changed. */
static bool keep_word(struct resp_parser *p)
{
    if (p->count == p->capacity) {
        size_t capacity = p->capacity + p->capacity / 2 + 8;
        struct place *more = realloc(p->places, capacity * sizeof *more);
        if (more == NULL)
            return false;
        p->places = more;
        p->capacity = capacity;
    }
    p->places[p->count++] = p->word;
    return true;
}

/* --- the machine: each takes the byte c, which is at p->at --- */

static void eat_type(struct resp_parser *p, uint8_t c, bool is_reply)
{
    if (c == '*') {
        numeral_start(&p->number, NUMERAL_LENGTH, RESP_MOST_WORDS);
        p->state = IN_COUNT;
    } else if (is_reply && c == ':') {
        numeral_start(&p->number, NUMERAL_INTEGER, 0);
        p->state = IN_INTEGER;
    } else if (is_reply && (c == '+' || c == '-')) {
        p->state = IN_TEXT;
    } else {
        fail(p);
    }
}

static void eat_number(struct resp_parser *p, uint8_t c, enum state next)
{
    enum numeral_result result = numeral_feed(&p->number, c);

    if (result == NUMERAL_IS_WRONG)
        fail(p);
    else if (result == NUMERAL_ENDS)
        p->state = next;
}

static void eat_count(struct resp_parser *p, uint8_t c)
{
    eat_number(p, c, AT_DOLLAR);
    if (p->state != AT_DOLLAR)
        return;
    p->announced = (size_t)p->number.value;
    if (p->announced == 0)
        p->state = COMPLETE;
}

/* Whether the request is too large whatever comes: the bytes up to here, what is missing of this
 * line, the word, and all that follow, which have no bytes at best. */
static bool is_too_large(const struct resp_parser *p)
{
    size_t behind = p->announced - p->count - 1;
    size_t line_end = p->state == IN_DATA ? 0 : p->number.place == NUM_CR ? 1 : 2;

    return p->at + 1 + line_end + p->number.value + 2 + behind * SMALLEST_WORD >
           RESP_LARGEST_REQUEST;
}

static void eat_length(struct resp_parser *p, uint8_t c)
{
    eat_number(p, c, IN_DATA);
    if (p->state == FAILED)
        return;
    if (is_too_large(p))
        fail(p);
    else if (p->state == IN_DATA)
        p->word = (struct place){(uint32_t)p->at + 1, (uint32_t)p->number.value};
}

static void expect(struct resp_parser *p, uint8_t c, uint8_t expected, enum state next)
{
    if (c == expected)
        p->state = next;
    else
        fail(p);
}

static bool eat_data_lf(struct resp_parser *p, uint8_t c)
{
    if (c != '\n') {
        fail(p);
        return true;
    }
    if (!keep_word(p))
        return false;
    p->state = p->count == p->announced ? COMPLETE : AT_DOLLAR;
    return true;
}

/* False: out of memory; the byte was not eaten. */
static bool eat(struct resp_parser *p, uint8_t c, bool is_reply)
{
    switch (p->state) {
    case AT_TYPE: eat_type(p, c, is_reply); break;
    case IN_COUNT: eat_count(p, c); break;
    case AT_DOLLAR:
        numeral_start(&p->number, NUMERAL_LENGTH, RESP_LONGEST_WORD);
        expect(p, c, '$', IN_LENGTH);
        break;
    case IN_LENGTH: eat_length(p, c); break;
    case AT_DATA_CR: expect(p, c, '\r', AT_DATA_LF); break;
    case AT_DATA_LF:
        if (!eat_data_lf(p, c))
            return false;
        break;
    case IN_INTEGER: eat_number(p, c, COMPLETE); break;
    case AT_TEXT_LF:
        if (c != '\r')
            p->state = c == '\n' ? COMPLETE : IN_TEXT;
        break;
    default: break;
    }
    p->at++;
    return true;
}

/* What needs no look at each byte.  False: the window is at its end. */
static bool jump(struct resp_parser *p, const uint8_t *window, size_t len)
{
    if (p->state == IN_DATA) {
        size_t end = (size_t)p->word.start + p->word.len;
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

static bool make_words(struct resp_parser *p, const uint8_t *window)
{
    if (p->count > p->words_capacity) {
        struct resp_word *words = malloc(p->count * sizeof *words);
        if (words == NULL)
            return false;
        free(p->words);
        p->words = words;
        p->words_capacity = p->count;
    }
    for (size_t i = 0; i < p->count; i++)
        p->words[i] = (struct resp_word){window + p->places[i].start, p->places[i].len};
    if (p->capacity > KEPT)
        drop_places(p);
    p->state = DELIVERED;
    return true;
}

static enum resp_result run(struct resp_parser *p, const uint8_t *window, size_t len, bool is_reply)
{
    if (p->state == DELIVERED)
        start_anew(p);
    while (p->state != COMPLETE && p->state != FAILED && jump(p, window, len))
        if (!eat(p, window[p->at], is_reply))
            return RESP_NO_MEMORY;
    if (p->state == FAILED)
        return RESP_ERROR;
    if (p->state != COMPLETE)
        return RESP_MORE;
    return make_words(p, window) ? RESP_DONE : RESP_NO_MEMORY;
}

enum resp_result resp_parse(struct resp_parser *p, const uint8_t *window, size_t len,
                            struct resp_request *request)
{
    enum resp_result result = run(p, window, len, false);

    if (result == RESP_DONE)
        *request = (struct resp_request){p->at, p->count, p->words};
    return result;
}

enum resp_result resp_parse_reply(struct resp_parser *p, const uint8_t *window, size_t len,
                                  struct resp_reply *reply)
{
    enum resp_result result = run(p, window, len, true);

    if (result != RESP_DONE)
        return result;
    *reply = (struct resp_reply){.type = (enum resp_type)window[0], .size = p->at};
    if (reply->type == RESP_INTEGER) {
        reply->integer = numeral_integer(&p->number);
    } else if (reply->type == RESP_ARRAY) {
        reply->count = p->count;
        reply->words = p->words;
    } else {
        reply->text = (struct resp_word){window + 1, p->at - 3};
    }
    return result;
}
