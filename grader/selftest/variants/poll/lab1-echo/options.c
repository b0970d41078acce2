/* options.c - see options.h. */
#include "options.h"

#include <stddef.h>
#include <string.h>

int options_number(const char *text, int min, int max)
{
    long long value = 0;

    if (*text == '\0')
        return -1;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9')
            return -1;
        value = value * 10 + (*text - '0');
        if (value > max)
            return -1;
    }
    return value < min ? -1 : (int)value;
}

static const struct option_rule *find(const struct option_rule rules[], const char *word,
                                      size_t length)
{
    for (; rules->name != NULL; rules++)
        if (strncmp(rules->name, word, length) == 0 && rules->name[length] == '\0')
            return rules;
    return NULL;
}

int options_parse(int argc, char *const argv[], const struct option_rule rules[])
{
    int i = 1;

    while (i < argc && strncmp(argv[i], "--", 2) == 0 && argv[i][2] != '\0') {
        const char *word = argv[i++] + 2;
        const char *equals = strchr(word, '=');
        size_t length = equals != NULL ? (size_t)(equals - word) : strlen(word);
        const struct option_rule *rule = find(rules, word, length);

        if (rule == NULL || (rule->flag != NULL && equals != NULL))
            return -1;
        if (rule->flag != NULL) {
            *rule->flag = true;
            continue;
        }
        if (equals == NULL && i == argc)
            return -1;
        *rule->number =
            options_number(equals != NULL ? equals + 1 : argv[i++], rule->min, rule->max);
        if (*rule->number < 0)
            return -1;
    }
    return i;
}
