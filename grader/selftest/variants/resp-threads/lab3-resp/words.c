/* words.c - the splitting of words.h.  A word is never longer than what it was typed as, so there
 * is room for all of them in as many bytes as the line has. */
#include "words.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What is left of the line. */
struct typed {
    const uint8_t *next, *end;
};

static bool is_blank(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r') || c == '\0';
}

static int digit_of(uint8_t c)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    const char *found = c == '\0' ? NULL : strchr(digits, c);

    return found == NULL ? -1 : (int)((found - digits) % 16);
}

static uint8_t named(uint8_t c)
{
    switch (c) {
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    case 'a': return '\a';
    case 'b': return '\b';
    default: return c;
    }
}

/* What a backslash and the bytes behind it stand for. */
static uint8_t take_escaped(struct typed *typed)
{
    const uint8_t *c = typed->next;

    if (typed->end - c >= 3 && *c == 'x' && digit_of(c[1]) >= 0 && digit_of(c[2]) >= 0) {
        typed->next += 3;
        return (uint8_t)(digit_of(c[1]) * 16 + digit_of(c[2]));
    }
    typed->next++;
    return named(*c);
}

/* The rest of a quoted part, and its closing quote.  Behind that the word ends.  NULL: it does
 * not. */
static uint8_t *take_quoted(struct typed *typed, uint8_t quote, uint8_t *out)
{
    while (typed->next < typed->end) {
        uint8_t c = *typed->next++;
        bool more = typed->next < typed->end;
        if (c == quote)
            return !more || is_blank(*typed->next) ? out : NULL;
        if (c == '\\' && more && quote == '"')
            c = take_escaped(typed);
        else if (c == '\\' && more && *typed->next == quote)
            c = *typed->next++;
        *out++ = c;
    }
    return NULL;
}

/* Returns the place behind its bytes, or NULL. */
static uint8_t *take_word(struct typed *typed, uint8_t *out)
{
    while (typed->next < typed->end && !is_blank(*typed->next)) {
        uint8_t c = *typed->next++;
        if (c == '"' || c == '\'')
            return take_quoted(typed, c, out);
        *out++ = c;
    }
    return out;
}

static int reserve(struct words *words)
{
    if (words->count < words->capacity)
        return 0;
    size_t capacity = words->capacity == 0 ? 8 : 2 * words->capacity;
    struct resp_word *more = realloc(words->words, capacity * sizeof *more);
    if (more == NULL)
        return -1;
    words->words = more;
    words->capacity = capacity;
    return 0;
}

static bool skip_blanks(struct typed *typed)
{
    while (typed->next < typed->end && is_blank(*typed->next))
        typed->next++;
    return typed->next < typed->end;
}

int words_split(struct words *words, const uint8_t *line, size_t len)
{
    struct typed typed = {line, line + len};
    uint8_t *out = malloc(len + 1);

    if (out == NULL)
        return -1;
    free(words->bytes);
    words->bytes = out;
    words->count = 0;
    while (skip_blanks(&typed)) {
        const uint8_t *start = out;
        if (reserve(words) < 0)
            return -1;
        out = take_word(&typed, out);
        if (out == NULL) {
            errno = EINVAL;
            return -1;
        }
        words->words[words->count++] = (struct resp_word){start, (size_t)(out - start)};
    }
    return 0;
}

void words_free(struct words *words)
{
    free(words->words);
    free(words->bytes);
    *words = (struct words){0};
}
