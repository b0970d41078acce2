/* store.c - the state of store.h.
 *
 * A value is kept as the reply that GET gives, an array of its words, whatever dialect it was set
 * in: so GET is a copy, and the state of all servers is the same.  In the other dialects a value of
 * one word is a bulk string, which is the one element of that array. */
#include "store.h"

#include "kv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static const char ABSENT[] = "*1\r\n$3\r\nnil\r\n", ARRAY_OF_ONE[] = "*1\r\n";

enum { ARRAY_OF_ONE_SIZE = sizeof ARRAY_OF_ONE - 1 };

struct store {
    struct kv *kv;
    struct resp_parser *parser;
};

/* What an entry asks for, and where its reply goes. */
struct command {
    const struct resp_word *words;
    size_t count;
    enum dialect dialect;
    struct outbox *replies;
};

/* --- words --- */

/* toupper(3) would ask for the locale, which has no say here. */
static uint8_t to_upper(uint8_t c)
{
    return c >= 'a' && c <= 'z' ? (uint8_t)(c - 'a' + 'A') : c;
}

bool is_word(struct resp_word word, const char *name)
{
    size_t i = 0;

    while (i < word.len && name[i] != '\0' && to_upper(word.data[i]) == (uint8_t)name[i])
        i++;
    return i == word.len && name[i] == '\0';
}

enum verb verb_of(const struct resp_request *request)
{
    static const struct {
        const char *name;
        enum verb verb;
        size_t least, most; /* words, the name too */
    } known[] = {
        {"SET", VERB_SET, 3, RESP_MOST_WORDS},
        {"GET", VERB_GET, 2, 2},
        {"DEL", VERB_DEL, 2, RESP_MOST_WORDS},
        {"EXISTS", VERB_EXISTS, 2, RESP_MOST_WORDS},
    };

    for (size_t i = 0; request->count > 1 && i < sizeof known / sizeof known[0]; i++)
        if (is_word(request->words[0], known[i].name))
            return request->count >= known[i].least && request->count <= known[i].most
                       ? known[i].verb
                       : VERB_NONE;
    return VERB_NONE;
}

bool is_read(enum verb verb)
{
    return verb == VERB_GET || verb == VERB_EXISTS;
}

/* --- commands --- */

static int set(struct kv *kv, const struct command *command)
{
    const struct resp_word *words = command->words + 2;
    size_t count = command->count - 2, size = resp_write_array(NULL, 0, words, count);
    uint8_t *value = kv_put(kv, command->words[1], size);

    if (value == NULL)
        return -1;
    resp_write_array(value, size, words, count);
    outbox_put_text(command->replies, "+OK\r\n");
    return 0;
}

static void put_absent(const struct command *command)
{
    if (command->dialect == DIALECT_SIMPLE)
        outbox_put_text(command->replies, ABSENT);
    else
        outbox_put_text(command->replies, command->dialect == DIALECT_RESP3 ? "_\r\n" : "$-1\r\n");
}

static void get(const struct kv *kv, const struct command *command)
{
    struct resp_word value;
    size_t skipped = 0;

    if (!kv_get(kv, command->words[1], &value)) {
        put_absent(command);
        return;
    }
    if (command->dialect != DIALECT_SIMPLE &&
        memcmp(value.data, ARRAY_OF_ONE, ARRAY_OF_ONE_SIZE) == 0)
        skipped = ARRAY_OF_ONE_SIZE;
    outbox_put(command->replies, value.data + skipped, value.len - skipped);
}

static void put_integer(struct outbox *replies, int64_t integer)
{
    uint8_t line[32];

    outbox_put(replies, line, resp_write_integer(line, sizeof line, integer));
}

/* A key that is named twice is not there the second time. */
static void del(struct kv *kv, const struct command *command)
{
    int64_t existed = 0;

    for (size_t i = 1; i < command->count; i++)
        existed += kv_del(kv, command->words[i]);
    put_integer(command->replies, existed);
}

/* A key that is named twice counts twice, as in Redis. */
static void exists(const struct kv *kv, const struct command *command)
{
    struct resp_word value;
    int64_t count = 0;

    for (size_t i = 1; i < command->count; i++)
        count += kv_get(kv, command->words[i], &value);
    put_integer(command->replies, count);
}

static int execute(struct kv *kv, enum verb verb, const struct command *command)
{
    switch (verb) {
    case VERB_SET: return set(kv, command);
    case VERB_DEL: del(kv, command); break;
    case VERB_GET: get(kv, command); break;
    case VERB_EXISTS: exists(kv, command); break;
    case VERB_NONE: break;
    }
    return 0;
}

/* --- entries --- */

/* An error, or a beginning, stays with the parser: another one reads the next entry. */
static int renew_parser(struct store *store)
{
    resp_parser_free(store->parser);
    store->parser = resp_parser_new();
    return store->parser == NULL ? -1 : 0;
}

int store_apply(struct store *store, const uint8_t *data, size_t len, enum dialect dialect,
                struct outbox *replies)
{
    struct resp_request request;

    if (len == 0)
        return 0;
    switch (resp_parse(store->parser, data, len, &request)) {
    case RESP_DONE: break;
    case RESP_NO_MEMORY: errno = ENOMEM; return -1;
    default: return renew_parser(store);
    }
    if (request.size != len)
        return 0;
    const struct command command = {request.words, request.count, dialect, replies};
    return execute(store->kv, verb_of(&request), &command);
}

size_t store_reply_size(const struct store *store, struct resp_word key)
{
    struct resp_word value;

    return kv_get(store->kv, key, &value) ? value.len : sizeof ABSENT;
}

/* --- all of it --- */

struct store *store_new(void)
{
    struct store *store = calloc(1, sizeof *store);
    uint8_t secret[KV_SECRET_SIZE];

    if (store == NULL || getrandom(secret, sizeof secret, 0) != (ssize_t)sizeof secret) {
        free(store);
        return NULL;
    }
    store->kv = kv_new(secret);
    store->parser = resp_parser_new();
    if (store->kv != NULL && store->parser != NULL)
        return store;
    store_free(store);
    return NULL;
}

void store_free(struct store *store)
{
    if (store == NULL)
        return;
    kv_free(store->kv);
    resp_parser_free(store->parser);
    free(store);
}
