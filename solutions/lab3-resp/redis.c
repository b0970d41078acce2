/* redis.c - the commands of redis.h: those of the store, with one word as a value, and what
 * redis-cli, redis-benchmark and client libraries ask before they start.
 *
 * A value is kept as the reply that GET gives, a bulk string: so GET is a copy.  Replies and errors
 * have the words of Redis, since its tools and libraries look at them. */
#include "redis.h"

#include "commands.h"
#include "resp2.h"

#include <stdio.h>
#include <string.h>

enum { MOST_ERROR = 256 };

struct error {
    size_t len;
    uint8_t text[MOST_ERROR];
};

/* One call of a command. */
struct call {
    struct kv *kv;
    struct redis_client *client;
    const struct resp_word *words;
    size_t count;
    struct replies *replies;
};

static void put_text(const struct call *call, const char *text)
{
    replies_put_text(call->replies, text);
}

static void put_count(const struct call *call, char type, size_t count)
{
    char line[32];

    snprintf(line, sizeof line, "%c%zu\r\n", type, count);
    put_text(call, line);
}

/* The bytes of a word go as they are; they may be many. */
static void put_bulk(const struct call *call, struct resp_word word)
{
    put_count(call, RESP2_BULK, word.len);
    replies_put(call->replies, word.data, word.len);
    put_text(call, "\r\n");
}

static void put_string(const struct call *call, const char *text)
{
    put_bulk(call, (struct resp_word){(const uint8_t *)text, strlen(text)});
}

/* The head of a map, whose keys and values follow by turns. */
static void put_map(const struct call *call, size_t pairs)
{
    if (call->client->speaks_resp3)
        put_count(call, '%', pairs);
    else
        put_count(call, RESP_ARRAY, 2 * pairs);
}

static void put_null(const struct call *call)
{
    put_text(call, call->client->speaks_resp3 ? "_\r\n" : "$-1\r\n");
}

static void ping(const struct call *call)
{
    if (call->count == 1)
        put_text(call, "+PONG\r\n");
    else
        put_bulk(call, call->words[1]);
}

static void echo(const struct call *call)
{
    put_bulk(call, call->words[1]);
}

static void set(const struct call *call)
{
    size_t size = resp2_write_bulk(NULL, 0, call->words[2]);
    uint8_t *value;

    if (call->count > 3) {
        put_text(call, "-ERR syntax error\r\n"); /* EX, NX and the like are not known here */
        return;
    }
    value = kv_put(call->kv, call->words[1], size);
    if (value != NULL)
        resp2_write_bulk(value, size, call->words[2]);
    put_text(call, value != NULL ? "+OK\r\n" : "-OOM out of memory\r\n");
}

static void get(const struct call *call)
{
    struct resp_word value;

    if (kv_get(call->kv, call->words[1], &value))
        replies_put(call->replies, value.data, value.len);
    else
        put_null(call);
}

static void del(const struct call *call)
{
    int64_t existed = 0;

    for (size_t i = 1; i < call->count; i++)
        existed += kv_del(call->kv, call->words[i]);
    replies_put_integer(call->replies, existed);
}

/* A key that is named twice counts twice, as in Redis. */
static void exists(const struct call *call)
{
    struct resp_word value;
    int64_t count = 0;

    for (size_t i = 1; i < call->count; i++)
        count += kv_get(call->kv, call->words[i], &value);
    replies_put_integer(call->replies, count);
}

/* No command is described: redis-cli then completes and hints at none. */
static void command(const struct call *call)
{
    if (call->count > 1 && command_is(call->words[1], "COUNT"))
        replies_put_integer(call->replies, 0);
    else
        put_count(call, RESP_ARRAY, 0);
}

/* redis-benchmark asks for save and appendonly, and shows what it gets. */
static void config(const struct call *call)
{
    if (call->count != 3 || !command_is(call->words[1], "GET")) {
        put_text(call, "-ERR unknown subcommand. Try CONFIG GET.\r\n");
        return;
    }
    put_map(call, 1);
    put_bulk(call, call->words[2]);
    put_string(call, command_is(call->words[2], "APPENDONLY") ? "no" : "");
}

static void info(const struct call *call)
{
    put_string(call, "# Server\r\nredis_version:7.0.0\r\nredis_mode:standalone\r\n");
}

/* Of the options only the version of the protocol is looked at. */
static void hello(const struct call *call)
{
    static const char *const first[] = {"server", "redis", "version", "7.0.0", "proto"};
    static const char *const last[] = {"mode", "standalone", "role", "master", "modules"};
    bool asks = call->count > 1, asks_for_3 = asks && command_is(call->words[1], "3");

    if (asks && !asks_for_3 && !command_is(call->words[1], "2")) {
        put_text(call, "-NOPROTO unsupported protocol version\r\n");
        return;
    }
    if (asks)
        call->client->speaks_resp3 = asks_for_3;
    put_map(call, 6);
    for (size_t i = 0; i < sizeof first / sizeof first[0]; i++)
        put_string(call, first[i]);
    replies_put_integer(call->replies, call->client->speaks_resp3 ? 3 : 2);
    for (size_t i = 0; i < sizeof last / sizeof last[0]; i++)
        put_string(call, last[i]);
    put_count(call, RESP_ARRAY, 0);
}

/* What a client says of itself is taken note of by nobody. */
static void client(const struct call *call)
{
    struct resp_word what = call->words[1];

    if (command_is(what, "SETINFO") || command_is(what, "SETNAME"))
        put_text(call, "+OK\r\n");
    else if (command_is(what, "GETNAME"))
        put_null(call);
    else if (command_is(what, "ID"))
        replies_put_integer(call->replies, 1);
    else
        put_text(call, "-ERR unknown subcommand. Try CLIENT SETINFO.\r\n");
}

static void select_database(const struct call *call)
{
    if (command_is(call->words[1], "0"))
        put_text(call, "+OK\r\n");
    else
        put_text(call, "-ERR DB index is out of range\r\n");
}

static void quit(const struct call *call)
{
    call->client->has_quit = true;
    put_text(call, "+OK\r\n");
}

static const struct known {
    const char *name;
    void (*execute)(const struct call *call);
    size_t least, most; /* words, the name too */
} known[] = {
    {"GET", get, 2, 2},
    {"SET", set, 3, RESP_MOST_WORDS},
    {"DEL", del, 2, RESP_MOST_WORDS},
    {"EXISTS", exists, 2, RESP_MOST_WORDS},
    {"PING", ping, 1, 2},
    {"ECHO", echo, 2, 2},
    {"SELECT", select_database, 2, 2},
    {"COMMAND", command, 1, RESP_MOST_WORDS},
    {"CONFIG", config, 2, RESP_MOST_WORDS},
    {"INFO", info, 1, RESP_MOST_WORDS},
    {"HELLO", hello, 1, RESP_MOST_WORDS},
    {"CLIENT", client, 2, RESP_MOST_WORDS},
    {"QUIT", quit, 1, RESP_MOST_WORDS},
};

static const struct known *find(struct resp_word name)
{
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (command_is(name, known[i].name))
            return &known[i];
    return NULL;
}

/* An error is one line, so of the client's own bytes only what can be printed goes into it. */
static void append(struct error *error, struct resp_word word)
{
    for (size_t i = 0; i < word.len && error->len < MOST_ERROR; i++) {
        uint8_t c = word.data[i];
        error->text[error->len++] = c >= ' ' && c <= '~' ? c : ' ';
    }
}

static void append_text(struct error *error, const char *text)
{
    append(error, (struct resp_word){(const uint8_t *)text, strlen(text)});
}

static void put_error(const struct call *call, const struct error *error)
{
    put_text(call, "-ERR ");
    replies_put(call->replies, error->text, error->len);
    put_text(call, "\r\n");
}

static void refuse_unknown(const struct call *call)
{
    struct error error = {0};

    append_text(&error, "unknown command '");
    append(&error, call->words[0]);
    append_text(&error, "', with args beginning with: ");
    for (size_t i = 1; i < call->count && error.len < MOST_ERROR; i++) {
        append_text(&error, "'");
        append(&error, call->words[i]);
        append_text(&error, "' ");
    }
    put_error(call, &error);
}

/* Here Redis has the name in small letters. */
static void refuse_count(const struct call *call, const char *name)
{
    struct error error = {0};

    append_text(&error, "wrong number of arguments for '");
    for (; *name != '\0'; name++)
        error.text[error.len++] = (uint8_t)(*name - 'A' + 'a');
    append_text(&error, "' command");
    put_error(call, &error);
}

void redis_execute(struct kv *kv, struct redis_client *client, const struct resp_request *request,
                   struct replies *replies)
{
    struct call call = {kv, client, request->words, request->count, replies};

    if (request->count == 0)
        return;
    const struct known *found = find(request->words[0]);
    if (found == NULL)
        refuse_unknown(&call);
    else if (call.count < found->least || call.count > found->most)
        refuse_count(&call, found->name);
    else
        found->execute(&call);
}
