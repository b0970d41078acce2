/* numeral.c - see numeral.h. */
#include "numeral.h"

#include <string.h>

void numeral_start(struct numeral *n, enum numeral_kind kind, uint64_t most)
{
    *n = (struct numeral){.kind = kind, .most = kind == NUMERAL_INTEGER ? INT64_MAX : most};
}

static enum numeral_result add_digit(struct numeral *n, uint8_t c)
{
    uint64_t d = (uint64_t)c - '0';

    if (n->value > (n->most - d) / 10)
        return NUMERAL_IS_WRONG;
    n->value = 10 * n->value + d;
    n->place = NUM_DIGITS;
    return NUMERAL_GOES_ON;
}

static enum numeral_result take_first(struct numeral *n, uint8_t c)
{
    if (c == '0' && !n->is_negative) {
        n->place = NUM_CLOSED;
        return NUMERAL_GOES_ON;
    }
    if (c < '1' || c > '9')
        return NUMERAL_IS_WRONG;
    if (!n->is_negative || n->kind == NUMERAL_INTEGER)
        return add_digit(n, c);
    n->value = 1;
    n->place = NUM_CLOSED;
    return c == '1' ? NUMERAL_GOES_ON : NUMERAL_IS_WRONG;
}

static enum numeral_result take_sign(struct numeral *n, uint8_t c)
{
    if (c != '-' || n->kind == NUMERAL_LENGTH)
        return take_first(n, c);
    n->is_negative = true;
    if (n->kind == NUMERAL_INTEGER)
        n->most++; /* INT64_MIN */
    n->place = NUM_MINUS;
    return NUMERAL_GOES_ON;
}

enum numeral_result numeral_feed(struct numeral *n, uint8_t c)
{
    switch (n->place) {
    case NUM_START: return take_sign(n, c);
    case NUM_MINUS: return take_first(n, c);
    case NUM_DIGITS:
        if (c >= '0' && c <= '9')
            return add_digit(n, c);
        /* fall through */
    case NUM_CLOSED:
        n->place = NUM_CR;
        return c == '\r' ? NUMERAL_GOES_ON : NUMERAL_IS_WRONG;
    case NUM_CR: break;
    }
    return c == '\n' ? NUMERAL_ENDS : NUMERAL_IS_WRONG;
}

int64_t numeral_integer(const struct numeral *n)
{
    return n->is_negative ? -(int64_t)(n->value - 1) - 1 : (int64_t)n->value;
}

unsigned numeral_digits(uint64_t value, uint8_t digits[NUMERAL_LONGEST])
{
    uint8_t backwards[NUMERAL_LONGEST];
    unsigned count = 0;

    do
        backwards[count++] = (uint8_t)('0' + value % 10);
    while ((value /= 10) > 0);
    for (unsigned i = 0; i < count; i++)
        digits[i] = backwards[count - 1 - i];
    return count;
}
