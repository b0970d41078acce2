/* numeral.h - a decimal number and its CR LF, fed one byte at a time.
 *
 * Refuses the first byte behind which nothing can be right any more. */
#ifndef NUMERAL_H
#define NUMERAL_H

#include <stdbool.h>
#include <stdint.h>

enum numeral_kind {
    NUMERAL_LENGTH,   /* 0 to most */
    NUMERAL_NULLABLE, /* the same, or -1 */
    NUMERAL_INTEGER,  /* any int64_t */
};

enum numeral_result { NUMERAL_GOES_ON, NUMERAL_ENDS, NUMERAL_IS_WRONG };

struct numeral {
    uint64_t value; /* of the digits, without the sign */
    uint64_t most;
    enum numeral_kind kind;
    bool is_negative;
    enum { NUM_START, NUM_MINUS, NUM_CLOSED, NUM_DIGITS, NUM_CR } place;
};

/* most counts for lengths only. */
void numeral_start(struct numeral *n, enum numeral_kind kind, uint64_t most);
enum numeral_result numeral_feed(struct numeral *n, uint8_t c);

/* Of a NUMERAL_INTEGER that has ended. */
int64_t numeral_integer(const struct numeral *n);

/* --- the other way round --- */

enum { NUMERAL_LONGEST = 20 };

/* Writes the digits of value, without CR LF, and returns how many. */
unsigned numeral_digits(uint64_t value, uint8_t digits[NUMERAL_LONGEST]);

#endif
