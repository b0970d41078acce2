/* set_resp.c - SET as Redis clients ask for it. */
#include "set_load.h"

#include <stdio.h>
#include <string.h>

static void greet(struct set_client *c)
{
    (void)c;
}

static void ask(struct set_client *c, const char *key, const char *value)
{
    char request[128];
    int size = snprintf(request, sizeof request, "*3\r\n$3\r\nSET\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n",
                        KEY_SIZE, key, VALUE_SIZE, value);

    put(c, request, (size_t)size);
}

/* The leader may have changed, for one. */
static noreturn void fail_by(const struct set_client *c)
{
    char words[100];
    int shown = 0;

    while (shown < 40 && (size_t)shown < c->in_size && c->in[shown] >= ' ')
        shown++;
    snprintf(words, sizeof words, "a SET was answered by %.*s", shown, (const char *)c->in);
    fail(words);
}

static bool take(struct set_client *c)
{
    static const char ok[] = "+OK\r\n";
    size_t size = sizeof ok - 1;

    if (memcmp(c->in, ok, c->in_size < size ? c->in_size : size) != 0)
        fail_by(c);
    if (c->in_size < size)
        return false;
    drop(c, size);
    return true;
}

const struct set_protocol set_resp = {greet, ask, take};
