/* store.c - the store of lab 3 as a state machine: entries in, replies out. */
#include "store.h"

#include "../lab3-resp/commands.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

struct store {
    struct kv *kv;
    struct resp_parser *parser;
    bool is_resp2;
};

/* The secret differs from server to server.  That is no matter: nothing depends on the order in
 * which the table has its keys. */
static struct kv *new_table(void)
{
    uint8_t secret[KV_SECRET_SIZE];

    if (getrandom(secret, sizeof secret, 0) != (ssize_t)sizeof secret)
        return NULL;
    return kv_new(secret);
}

struct store *store_new(bool is_resp2)
{
    struct store *store = calloc(1, sizeof *store);

    if (store == NULL)
        return NULL;
    *store = (struct store){.kv = new_table(), .parser = resp_parser_new(), .is_resp2 = is_resp2};
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

/* What Redis' tools ask besides concerns this server alone. */
static bool is_redis_command(const struct resp_request *request)
{
    struct resp_word name = request->words[0];

    return (command_is(name, "SET") && request->count == 3) ||
           (command_is(name, "GET") && request->count == 2) ||
           (command_is(name, "DEL") && request->count >= 2) ||
           (command_is(name, "EXISTS") && request->count >= 2);
}

bool store_is_command(const struct store *store, const struct resp_request *request)
{
    if (request->count == 0)
        return false;
    return store->is_resp2 ? is_redis_command(request) : command_of(request) != COMMAND_NONE;
}

bool store_is_read(const struct store *store, const struct resp_request *request)
{
    return command_is(request->words[0], "GET") ||
           (store->is_resp2 && command_is(request->words[0], "EXISTS"));
}

size_t store_expected_reply(const struct store *store, const struct resp_request *request)
{
    struct resp_word value;

    if (command_is(request->words[0], "GET") && kv_get(store->kv, request->words[1], &value))
        return value.len;
    return 0;
}

void store_answer(struct store *store, const struct resp_request *request,
                  struct redis_client *client, struct replies *replies)
{
    if (store->is_resp2)
        redis_execute(store->kv, client, request, replies);
    else
        command_execute(store->kv, request, replies);
}

/* An error sticks to a parser, and so does a beginning. */
static int renew_parser(struct store *store)
{
    resp_parser_free(store->parser);
    store->parser = resp_parser_new();
    return store->parser == NULL ? -1 : 0;
}

/* Of a valid SET only a lack of memory makes an error, and its reply is a line. */
static bool has_failed(const struct resp_request *request, const struct replies *replies)
{
    return command_is(request->words[0], "SET") && replies->bytes[0] == '-';
}

int store_apply(struct store *store, const uint8_t *data, size_t len, struct redis_client *client,
                struct replies *replies)
{
    struct resp_request request;

    if (len == 0)
        return 0;
    enum resp_result result = resp_parse(store->parser, data, len, &request);
    if (result == RESP_NO_MEMORY) {
        errno = ENOMEM;
        return -1;
    }
    if (result != RESP_DONE || request.size != len || !store_is_command(store, &request)) {
        replies_put_text(replies, "-ERROR\r\n");
        return result == RESP_DONE ? 0 : renew_parser(store);
    }
    store_answer(store, &request, client, replies);
    if (!has_failed(&request, replies))
        return 0;
    errno = ENOMEM;
    return -1;
}
