/* loop_driver.h - what the two files of the loop driver share. */
#ifndef LOOP_DRIVER_H
#define LOOP_DRIVER_H

#include "loop.h"

/* The loop that is driven. */
extern struct loop *loop;

/* Prints a line: a word and a number, or a word alone. */
void say(const char *what, long number);
void say_word(const char *word);

/* Says "over" a few turns later: time for whatever should not be told. */
void say_over_soon(void);

/* Ends the program with what errno says. */
_Noreturn void die(const char *what);

/* Carries out an order about descriptors.  False: it is no such order. */
bool obey_about_ends(const char *order, long number);

#endif
