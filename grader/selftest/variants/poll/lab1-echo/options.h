/* options.h - command lines of the form [--flag] --name VALUE ... WORD ... */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdbool.h>

/* An option with a value has `number`, which is set to a whole number from min to max; one without
 * has `flag`. */
struct option_rule {
    const char *name;
    bool *flag;
    int *number;
    int min, max;
};

/* Takes the options off the front of the command line.  Returns the index of the first word that
 * is none, or -1: an option unknown, without its value, or out of range.  The last rule has no
 * name. */
int options_parse(int argc, char *const argv[], const struct option_rule rules[]);

/* A whole number in decimal digits from min to max, or -1. */
int options_number(const char *text, int min, int max);

#endif
