/* resp.c - the parsers of resp.h and resp_reply.h, patient: a line is judged when it is complete, or
 * longer than any line of a number may be, and not before.
 *
 * What is kept between two calls are places in the window, never pointers.  Of a word its place is
 * kept, once both bytes behind it are there. */
#include "resp_reply.h"

#include <stdlib.h>
#include <string.h>

enum { CR_LF = 2, FEW_PLACES = 16, MANY_PLACES = 1024 };

struct place {
    size_t at, len;
};

struct resp_parser {
    bool has_failed;
    size_t at; /* all before it was read, and is right */
    bool has_count, has_length;
    size_t words_due, length;
    struct place *places;
    size_t count, capacity;
    struct resp_word *words; /* of the last one: a block of just their number */
    size_t searched;         /* of a text: no CR LF begins before it */
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

/* --- lines of a number --- */

/* *size is that of the line at the front, CR LF not counted.  With its 33rd byte it is too long,
 * even where that is a CR: no number has 32 bytes. */
static enum resp_result find_line(const uint8_t *line, size_t len, size_t *size)
{
    size_t most = RESP_LONGEST_LINE + 1;
    const uint8_t *end = memmem(line, len < most ? len : most, "\r\n", CR_LF);

    if (end == NULL)
        return len < most ? RESP_MORE : RESP_ERROR;
    *size = (size_t)(end - line);
    return RESP_DONE;
}

/* size digits, no more than needed, and no number above most. */
static bool read_digits(const uint8_t *digits, size_t size, uint64_t most, uint64_t *number)
{
    *number = 0;
    if (size == 0 || (size > 1 && digits[0] == '0'))
        return false;
    for (size_t i = 0; i < size; i++) {
        uint64_t digit = (uint64_t)digits[i] - '0';
        if (digits[i] < '0' || digits[i] > '9' || digit > most || *number > (most - digit) / 10)
            return false;
        *number = 10 * *number + digit;
    }
    return true;
}

static enum resp_result take_length(struct resp_parser *p, const uint8_t *window, size_t len,
                                    char type, size_t most, size_t *length)
{
    uint64_t number;
    size_t size;

    if (p->at >= len)
        return RESP_MORE;
    const uint8_t *line = window + p->at;
    enum resp_result result = find_line(line, len - p->at, &size);
    if (result != RESP_DONE)
        return result;
    if (size == 0 || line[0] != (uint8_t)type || !read_digits(line + 1, size - 1, most, &number))
        return RESP_ERROR;
    *length = number;
    p->at += size + CR_LF;
    return RESP_DONE;
}

/* --- arrays of words --- */

static bool reserve_place(struct resp_parser *p)
{
    if (p->count < p->capacity)
        return true;
    size_t capacity = p->capacity == 0 ? FEW_PLACES : 2 * p->capacity;
    struct place *more = realloc(p->places, capacity * sizeof *more);
    if (more == NULL)
        return false;
    p->places = more;
    p->capacity = capacity;
    return true;
}

static enum resp_result check_end(const uint8_t *window, size_t len, size_t end)
{
    if (len > end && window[end] != '\r')
        return RESP_ERROR;
    if (len > end + 1 && window[end + 1] != '\n')
        return RESP_ERROR;
    return len < end + CR_LF ? RESP_MORE : RESP_DONE;
}

static bool is_too_large(size_t at, size_t length)
{
    size_t most = RESP_LARGEST_REQUEST - CR_LF;

    return at > most || length > most - at;
}

static enum resp_result take_word(struct resp_parser *p, const uint8_t *window, size_t len)
{
    enum resp_result result;

    if (!p->has_length) {
        result = take_length(p, window, len, '$', RESP_LONGEST_WORD, &p->length);
        if (result != RESP_DONE)
            return result;
        if (is_too_large(p->at, p->length))
            return RESP_ERROR;
        p->has_length = true;
    }
    result = check_end(window, len, p->at + p->length);
    if (result != RESP_DONE)
        return result;
    if (!reserve_place(p))
        return RESP_NO_MEMORY;
    p->places[p->count++] = (struct place){p->at, p->length};
    p->at += p->length + CR_LF;
    p->has_length = false;
    return RESP_DONE;
}

/* Only now, when all is there, do places become pointers. */
static enum resp_result point_to_words(struct resp_parser *p, const uint8_t *window)
{
    if (p->count == 0)
        return RESP_DONE;
    p->words = malloc(p->count * sizeof *p->words);
    if (p->words == NULL)
        return RESP_NO_MEMORY;
    for (size_t i = 0; i < p->count; i++)
        p->words[i] = (struct resp_word){window + p->places[i].at, p->places[i].len};
    return RESP_DONE;
}

static enum resp_result read_array(struct resp_parser *p, const uint8_t *window, size_t len)
{
    enum resp_result result = RESP_DONE;

    if (!p->has_count) {
        result = take_length(p, window, len, '*', RESP_MOST_WORDS, &p->words_due);
        p->has_count = result == RESP_DONE;
    }
    while (result == RESP_DONE && p->count < p->words_due)
        result = take_word(p, window, len);
    return result == RESP_DONE ? point_to_words(p, window) : result;
}

/* Ready for the next one; the words live on, and a large array of places does not. */
static void start_again(struct resp_parser *p)
{
    p->at = p->count = p->searched = 0;
    p->has_count = false;
    if (p->capacity > MANY_PLACES) {
        free(p->places);
        p->places = NULL;
        p->capacity = 0;
    }
}

static void drop_words(struct resp_parser *p)
{
    free(p->words);
    p->words = NULL;
}

enum resp_result resp_parse(struct resp_parser *p, const uint8_t *window, size_t len,
                            struct resp_request *request)
{
    drop_words(p);
    enum resp_result result = p->has_failed ? RESP_ERROR : read_array(p, window, len);
    p->has_failed = result == RESP_ERROR;
    if (result == RESP_DONE) {
        *request = (struct resp_request){p->at, p->count, p->words};
        start_again(p);
    }
    return result;
}

/* --- replies --- */

static enum resp_result read_text(struct resp_parser *p, const uint8_t *window, size_t len,
                                  struct resp_reply *reply)
{
    size_t most = len < RESP_LARGEST_REQUEST ? len : RESP_LARGEST_REQUEST;
    const uint8_t *end = memmem(window + p->searched, most - p->searched, "\r\n", CR_LF);

    if (end == NULL && len >= RESP_LARGEST_REQUEST)
        return RESP_ERROR;
    if (end == NULL) {
        p->searched = len - 1; /* it may be the CR */
        return RESP_MORE;
    }
    reply->text = (struct resp_word){window + 1, (size_t)(end - window) - 1};
    p->at = reply->text.len + 1 + CR_LF;
    return RESP_DONE;
}

static bool read_integer(const uint8_t *text, size_t size, int64_t *integer)
{
    bool is_negative = size > 0 && text[0] == '-';
    uint64_t number;

    if (is_negative)
        return read_digits(text + 1, size - 1, (uint64_t)INT64_MAX + 1, &number) && number > 0 &&
               (*integer = -(int64_t)(number - 1) - 1, true);
    return read_digits(text, size, INT64_MAX, &number) && (*integer = (int64_t)number, true);
}

/* ":" and a number; a line of another type is none. */
static enum resp_result read_integer_line(struct resp_parser *p, const uint8_t *window, size_t len,
                                          struct resp_reply *reply)
{
    size_t size;
    enum resp_result result = find_line(window, len, &size);

    if (result != RESP_DONE)
        return result;
    if (size == 0 || window[0] != RESP_INTEGER ||
        !read_integer(window + 1, size - 1, &reply->integer))
        return RESP_ERROR;
    p->at = size + CR_LF;
    return RESP_DONE;
}

static enum resp_result read_reply(struct resp_parser *p, const uint8_t *window, size_t len,
                                   struct resp_reply *reply)
{
    if (len == 0)
        return RESP_MORE;
    switch (window[0]) {
    case RESP_ARRAY: return read_array(p, window, len);
    case RESP_SIMPLE:
    case RESP_FAILURE: return read_text(p, window, len, reply);
    default: return read_integer_line(p, window, len, reply);
    }
}

enum resp_result resp_parse_reply(struct resp_parser *p, const uint8_t *window, size_t len,
                                  struct resp_reply *reply)
{
    struct resp_reply found = {0};

    drop_words(p);
    enum resp_result result = p->has_failed ? RESP_ERROR : read_reply(p, window, len, &found);
    p->has_failed = result == RESP_ERROR;
    if (result == RESP_DONE) {
        found.type = (enum resp_type)window[0];
        found.size = p->at;
        found.count = p->count;
        found.words = p->words;
        *reply = found;
        start_again(p);
    }
    return result;
}
