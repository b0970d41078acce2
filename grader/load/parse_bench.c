/* parse_bench.c - CPU time that a parser takes for a command.
 *
 *     parse_bench VALUE_SIZE CHUNK SIZE SECONDS [bare]
 *
 * Parses about SIZE bytes of SET commands with values of VALUE_SIZE bytes, CHUNK bytes at a time
 * (0: all at once), again and again for SECONDS, and prints nanoseconds a command.  The first MiB
 * is parsed once before that, and every byte found there is compared; numbers and lengths are
 * compared always. */
#include "parse_bench.h"

#include "clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS = 3, LONGEST_HEADER = 100, KEY_SIZE = 16, CHECKED_SIZE = 1 << 20 };

/* Requests, and what there is to find in the first ones and in all. */
struct input {
    struct stream first, all;
    struct found in_first, in_all;
};

static size_t add_command(uint8_t *out, size_t number, size_t value_size, struct found *found)
{
    char header[LONGEST_HEADER], key[LONGEST_HEADER];
    bool with_hash = found->hash != 0;

    snprintf(key, sizeof key, "key:%012zu", number);
    int len = snprintf(header, sizeof header, "*%d\r\n$3\r\nSET\r\n$%d\r\n%s\r\n$%zu\r\n", WORDS,
                       KEY_SIZE, key, value_size);
    uint8_t *value = out + len;
    memcpy(out, header, (size_t)len);
    for (size_t i = 0; i < value_size; i++)
        value[i] = (uint8_t)(number + i);
    value[value_size] = '\r';
    value[value_size + 1] = '\n';
    found->commands++;
    see_word(found, "SET", 3, with_hash);
    see_word(found, key, KEY_SIZE, with_hash);
    see_word(found, value, value_size, with_hash);
    return (size_t)len + value_size + 2;
}

/* All commands that have room in size bytes; at least one. */
static bool make_input(size_t value_size, size_t size, struct input *input)
{
    size_t most = value_size + LONGEST_HEADER, at = 0;
    uint8_t *data = malloc(size + most);

    if (data == NULL)
        return false;
    *input = (struct input){.in_first.hash = 1};
    while (at == 0 || at + most <= size) {
        bool is_first = at == 0 || at + most <= CHECKED_SIZE;
        struct found *found = is_first ? &input->in_first : &input->in_all;
        at += add_command(data + at, at, value_size, found);
        if (is_first)
            input->first = (struct stream){data, at};
    }
    input->all = (struct stream){data, at};
    input->in_all.commands += input->in_first.commands;
    input->in_all.words += input->in_first.words;
    input->in_all.bytes += input->in_first.bytes;
    return true;
}

static bool is_right(const struct side *side, const struct found *found,
                     const struct found *expected)
{
    if (!side->sees_words)
        return found->commands == expected->commands;
    return found->commands == expected->commands && found->words == expected->words &&
           found->bytes == expected->bytes && found->hash == expected->hash;
}

static bool check(const struct side *side, const struct input *input, size_t chunk)
{
    struct found found = {.hash = 1};

    return side->parse(&input->first, chunk, &found, true) &&
           is_right(side, &found, &input->in_first);
}

/* Nanoseconds a command, or -1. */
static double measure(const struct side *side, const struct input *input, size_t chunk,
                      double seconds)
{
    double began = cpu_ns(), took = 0;
    size_t commands = 0;

    while (took < seconds * 1e9 || commands == 0) {
        struct found found = {0};
        if (!side->parse(&input->all, chunk, &found, false) ||
            !is_right(side, &found, &input->in_all))
            return -1;
        commands += found.commands;
        took = cpu_ns() - began;
    }
    return took / (double)commands;
}

static int complain(const char *words)
{
    fprintf(stderr, "%s\n", words);
    return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    if (argc < 5 || argc > 6)
        return complain("usage: parse_bench VALUE_SIZE CHUNK SIZE SECONDS [bare]");
    size_t value_size = strtoul(argv[1], NULL, 10), chunk = strtoul(argv[2], NULL, 10);
    const struct side *side = side_named(argc == 6);
    static struct input input;
    if (!make_input(value_size, strtoul(argv[3], NULL, 10), &input) || !side->open())
        return complain("not enough memory");
    if (chunk == 0)
        chunk = input.all.size;
    if (!check(side, &input, chunk))
        return complain("the parser found other commands than were sent");
    double ns = measure(side, &input, chunk, strtod(argv[4], NULL));
    if (ns < 0)
        return complain("the parser found other commands than were sent, after it was right once");
    printf("%.3f\n", ns);
    return EXIT_SUCCESS;
}
