/* show.h - replies as a person reads them, in redis-cli's manner. */
#ifndef SHOW_H
#define SHOW_H

#include "resp2.h"

#include <stdio.h>

/* OK, (error) ERROR, (integer) 1, or the words of an array with their numbers:
 *
 *     1) "Cloud"
 *     2) "Computing"
 *
 * Each ends its line.  Of a word, bytes that can't be printed are shown as in C. */
void show_reply(FILE *out, const struct resp_reply *reply);

/* The same for any reply of RESP2.  An array in an array is indented; null is (nil). */
void show_reply2(FILE *out, const struct resp2_reply *reply);

#endif
