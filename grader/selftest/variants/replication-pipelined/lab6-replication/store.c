/* store.c - the table of store.h.  A value is kept as the reply that GET gives. */
#include "store.h"

#include "kv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

enum { INTEGER_ROOM = 24 };

struct store {
    struct kv *kv;
    struct resp_parser *parser;
    uint8_t integer[INTEGER_ROOM];
};

struct store *store_new(void)
{
    uint8_t secret[KV_SECRET_SIZE];
    struct store *store = calloc(1, sizeof *store);

    if (store == NULL)
        return NULL;
    if (getrandom(secret, sizeof secret, 0) == (ssize_t)sizeof secret)
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
    if (store->kv != NULL)
        kv_free(store->kv);
    resp_parser_free(store->parser);
    free(store);
}

static struct resp_word text(const char *string)
{
    return (struct resp_word){(const uint8_t *)string, strlen(string)};
}

/* All names have three letters.  strncasecmp(3) is that of the "C" locale here. */
static bool has_name(const struct resp_request *request, const char *name)
{
    struct resp_word word = request->words[0];

    return word.len == strlen(name) && strncasecmp((const char *)word.data, name, word.len) == 0;
}

bool store_knows(const struct resp_request *request)
{
    if (request->count < 2)
        return false;
    if (has_name(request, "SET"))
        return request->count > 2;
    return has_name(request, "DEL") || (has_name(request, "GET") && request->count == 2);
}

static struct resp_word get(const struct store *store, const struct resp_request *request)
{
    struct resp_word value;

    return kv_get(store->kv, request->words[1], &value) ? value : text("*1\r\n$3\r\nnil\r\n");
}

static int set(struct store *store, const struct resp_request *request, struct resp_word *reply)
{
    const struct resp_word *words = request->words + 2;
    size_t count = request->count - 2, size = resp_write_array(NULL, 0, words, count);
    uint8_t *value = kv_put(store->kv, request->words[1], size);

    if (value == NULL)
        return -1;
    resp_write_array(value, size, words, count);
    *reply = text("+OK\r\n");
    return 0;
}

static struct resp_word del(struct store *store, const struct resp_request *request)
{
    int64_t existed = 0;

    for (size_t i = 1; i < request->count; i++)
        existed += kv_del(store->kv, request->words[i]);
    size_t size = resp_write_integer(store->integer, sizeof store->integer, existed);
    return (struct resp_word){store->integer, size};
}

size_t store_reply_size(const struct store *store, const struct resp_request *request)
{
    return has_name(request, "GET") ? get(store, request).len : INTEGER_ROOM;
}

/* A parser that met an error, or a beginning, is of no use for what comes next. */
static int renew_parser(struct store *store)
{
    struct resp_parser *parser = resp_parser_new();

    if (parser == NULL)
        return -1;
    resp_parser_free(store->parser);
    store->parser = parser;
    return 0;
}

int store_execute(struct store *store, const uint8_t *data, size_t len, struct resp_word *reply)
{
    struct resp_request request;
    enum resp_result result = resp_parse(store->parser, data, len, &request);

    *reply = (struct resp_word){NULL, 0};
    if (result == RESP_NO_MEMORY) {
        errno = ENOMEM;
        return -1;
    }
    if (result != RESP_DONE)
        return renew_parser(store);
    if (request.size != len || !store_knows(&request))
        return 0;
    if (has_name(&request, "SET"))
        return set(store, &request, reply);
    *reply = has_name(&request, "GET") ? get(store, &request) : del(store, &request);
    return 0;
}
