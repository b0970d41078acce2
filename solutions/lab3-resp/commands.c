/* commands.c - the commands of commands.h.
 *
 * A value is kept as the reply that GET gives, an array of its words: so GET is a copy. */
#include "commands.h"

#include <string.h>

static const char OK[] = "+OK\r\n", ERROR[] = "-ERROR\r\n", ABSENT[] = "*1\r\n$3\r\nnil\r\n";

/* toupper(3) would ask for the locale, which has no say here. */
static uint8_t to_upper(uint8_t c)
{
    return c >= 'a' && c <= 'z' ? (uint8_t)(c - 'a' + 'A') : c;
}

bool command_is(struct resp_word word, const char *name)
{
    size_t i = 0;

    while (i < word.len && name[i] != '\0' && to_upper(word.data[i]) == (uint8_t)name[i])
        i++;
    return i == word.len && name[i] == '\0';
}

enum command command_of(const struct resp_request *request)
{
    static const struct {
        const char *name;
        enum command command;
        size_t least, most; /* words, the name too */
    } known[] = {
        {"SET", COMMAND_SET, 3, RESP_MOST_WORDS},
        {"GET", COMMAND_GET, 2, 2},
        {"DEL", COMMAND_DEL, 2, RESP_MOST_WORDS},
    };

    for (size_t i = 0; request->count > 0 && i < sizeof known / sizeof known[0]; i++)
        if (command_is(request->words[0], known[i].name))
            return request->count >= known[i].least && request->count <= known[i].most
                       ? known[i].command
                       : COMMAND_NONE;
    return COMMAND_NONE;
}

static void set(struct kv *kv, const struct resp_request *request, struct replies *replies)
{
    const struct resp_word *words = request->words + 2;
    size_t count = request->count - 2, size = resp_write_array(NULL, 0, words, count);
    uint8_t *value = kv_put(kv, request->words[1], size);

    if (value != NULL)
        resp_write_array(value, size, words, count);
    replies_put_text(replies, value != NULL ? OK : ERROR);
}

static void get(struct kv *kv, const struct resp_request *request, struct replies *replies)
{
    struct resp_word value;

    if (kv_get(kv, request->words[1], &value))
        replies_put(replies, value.data, value.len);
    else
        replies_put_text(replies, ABSENT);
}

/* A key that is named twice is not there the second time. */
static void del(struct kv *kv, const struct resp_request *request, struct replies *replies)
{
    int64_t existed = 0;

    for (size_t i = 1; i < request->count; i++)
        existed += kv_del(kv, request->words[i]);
    replies_put_integer(replies, existed);
}

void command_execute(struct kv *kv, const struct resp_request *request, struct replies *replies)
{
    if (request->count == 0)
        return;
    switch (command_of(request)) {
    case COMMAND_SET: set(kv, request, replies); break;
    case COMMAND_GET: get(kv, request, replies); break;
    case COMMAND_DEL: del(kv, request, replies); break;
    case COMMAND_NONE: replies_put_text(replies, ERROR); break;
    }
}
