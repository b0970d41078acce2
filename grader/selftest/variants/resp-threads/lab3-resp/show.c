/* show.c - the lines of show.h. */
#include "show.h"

#include <inttypes.h>
#include <string.h>

static void show_byte(FILE *out, uint8_t c)
{
    static const char special[] = "\n\r\t\a\b\\\"", names[] = "nrtab\\\"";
    const char *found = c == '\0' ? NULL : strchr(special, c);

    if (found != NULL)
        fprintf(out, "\\%c", names[found - special]);
    else if (c < ' ' || c > '~')
        fprintf(out, "\\x%02x", (unsigned)c);
    else
        putc(c, out);
}

static void show_word(FILE *out, struct resp_word word)
{
    putc('"', out);
    for (size_t i = 0; i < word.len; i++)
        show_byte(out, word.data[i]);
    fputs("\"\n", out);
}

/* A text is for people already. */
static void show_text(FILE *out, const char *before, struct resp_word text)
{
    fputs(before, out);
    fwrite(text.data, 1, text.len, out);
    putc('\n', out);
}

/* The numbers of an array's elements are as wide as the last one. */
static int width_of(size_t count)
{
    return snprintf(NULL, 0, "%zu", count);
}

static void show_number(FILE *out, int width, size_t number)
{
    fprintf(out, "%*zu) ", width, number);
}

static void show_array(FILE *out, const struct resp_word *words, size_t count)
{
    if (count == 0)
        fputs("(empty array)\n", out);
    for (size_t i = 0; i < count; i++) {
        show_number(out, width_of(count), i + 1);
        show_word(out, words[i]);
    }
}

void show_reply(FILE *out, const struct resp_reply *reply)
{
    switch (reply->type) {
    case RESP_SIMPLE: show_text(out, "", reply->text); break;
    case RESP_FAILURE: show_text(out, "(error) ", reply->text); break;
    case RESP_INTEGER: fprintf(out, "(integer) %" PRId64 "\n", reply->integer); break;
    case RESP_ARRAY: show_array(out, reply->words, reply->count); break;
    }
}

static void show_scalar(FILE *out, const struct resp2_value *value)
{
    if (value->is_null)
        fputs("(nil)\n", out);
    else if (value->type == RESP_ARRAY)
        fputs("(empty array)\n", out);
    else if (value->type == RESP_INTEGER)
        fprintf(out, "(integer) %" PRId64 "\n", value->integer);
    else if (value->type == RESP2_BULK)
        show_word(out, value->text);
    else
        show_text(out, value->type == RESP_FAILURE ? "(error) " : "", value->text);
}

/* Returns what comes behind this value.  It calls itself RESP2_DEEPEST times at most: the parser
 * refuses what is deeper.  indent is where the lines after the first begin. */
/* NOLINTNEXTLINE(misc-no-recursion) */
static const struct resp2_value *show_value(FILE *out, const struct resp2_value *value, int indent)
{
    const struct resp2_value *next = value + 1;
    int width = width_of(value->count);

    if (value->count == 0) {
        show_scalar(out, value);
        return next;
    }
    for (size_t i = 0; i < value->count; i++) {
        fprintf(out, "%*s", i == 0 ? 0 : indent, "");
        show_number(out, width, i + 1);
        next = show_value(out, next, indent + width + 2);
    }
    return next;
}

void show_reply2(FILE *out, const struct resp2_reply *reply)
{
    show_value(out, reply->values, 0);
}
