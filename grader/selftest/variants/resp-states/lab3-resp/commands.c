/* commands.c - see commands.h.
 *
 * A value is kept as its words, each behind its length in 4 bytes, so that it is the same in both
 * dialects; the first 4 bytes are the number of words. */
#include "commands.h"

#include <stdio.h>
#include <string.h>

struct call {
    const struct dialect *dialect;
    struct kv *kv;
    const struct resp_word *words; /* the name too */
    size_t count;
    struct outbox *out;
    bool leaves;
};

struct command {
    const char *name; /* in capitals */
    size_t least, most; /* words */
    void (*execute)(struct call *call);
};

struct dialect {
    const struct command *commands; /* up to one without a name */
    void (*put_value)(struct outbox *out, struct resp_word value);
    const char *absent, *no_memory, *framing_error;
    void (*put_unknown)(struct outbox *out, struct resp_word name, bool is_known);
};

/* --- values --- */

enum { LENGTH = sizeof(uint32_t) };

static uint8_t *pack(uint8_t *to, size_t n)
{
    uint32_t n32 = (uint32_t)n;

    memcpy(to, &n32, LENGTH);
    return to + LENGTH;
}

static size_t unpack(const uint8_t **from)
{
    uint32_t n;

    memcpy(&n, *from, LENGTH);
    *from += LENGTH;
    return n;
}

static void put_array(struct outbox *out, struct resp_word value)
{
    const uint8_t *at = value.data;
    size_t count = unpack(&at);

    outbox_line(out, '*', count);
    for (; count > 0; count--) {
        size_t len = unpack(&at);
        outbox_word(out, (struct resp_word){at, len});
        at += len;
    }
}

/* Of the one word that SET takes there. */
static void put_bulk(struct outbox *out, struct resp_word value)
{
    outbox_word(out, (struct resp_word){value.data + 2 * LENGTH, value.len - 2 * LENGTH});
}

/* --- the store's commands --- */

static void set(struct call *call)
{
    size_t size = LENGTH;

    for (size_t i = 2; i < call->count; i++)
        size += LENGTH + call->words[i].len;
    uint8_t *to = kv_put(call->kv, call->words[1], size);
    if (to == NULL) {
        outbox_text(call->out, call->dialect->no_memory);
        return;
    }
    to = pack(to, call->count - 2);
    for (size_t i = 2; i < call->count; i++) {
        struct resp_word word = call->words[i];
        to = pack(to, word.len);
        if (word.len > 0)
            memcpy(to, word.data, word.len);
        to += word.len;
    }
    outbox_text(call->out, "+OK\r\n");
}

static void get(struct call *call)
{
    struct resp_word value;

    if (kv_get(call->kv, call->words[1], &value))
        call->dialect->put_value(call->out, value);
    else
        outbox_text(call->out, call->dialect->absent);
}

static void del(struct call *call)
{
    int64_t deleted = 0;

    for (size_t i = 1; i < call->count; i++)
        deleted += kv_del(call->kv, call->words[i]);
    outbox_integer(call->out, deleted);
}

/* --- what Redis has --- */

static bool is_named(struct resp_word word, const char *name)
{
    size_t i = 0;

    for (; i < word.len && name[i] != '\0'; i++) {
        uint8_t c = word.data[i];
        if (c >= 'a' && c <= 'z')
            c = (uint8_t)(c - 32);
        if (c != (uint8_t)name[i])
            return false;
    }
    return i == word.len && name[i] == '\0';
}

static bool has_argument(const struct call *call, size_t i, const char *text)
{
    return i < call->count && is_named(call->words[i], text);
}

static void ping(struct call *call)
{
    if (call->count == 1)
        outbox_text(call->out, "+PONG\r\n");
    else
        outbox_word(call->out, call->words[1]);
}

static void echo(struct call *call)
{
    outbox_word(call->out, call->words[1]);
}

static void command(struct call *call)
{
    outbox_text(call->out, has_argument(call, 1, "COUNT") ? ":0\r\n" : "*0\r\n");
}

static void config(struct call *call)
{
    if (!has_argument(call, 1, "GET") || call->count != 3) {
        outbox_text(call->out, "-ERR only CONFIG GET name is known\r\n");
        return;
    }
    outbox_line(call->out, '*', 2);
    outbox_word(call->out, call->words[2]);
    outbox_text(call->out, "$0\r\n\r\n");
}

static void info(struct call *call)
{
    static const char text[] = "# Server\r\nredis_version:7.0.0\r\nredis_mode:standalone\r\n";

    outbox_word(call->out, (struct resp_word){(const uint8_t *)text, sizeof text - 1});
}

static void client(struct call *call)
{
    if (has_argument(call, 1, "SETINFO") && call->count == 4)
        outbox_text(call->out, "+OK\r\n");
    else
        outbox_text(call->out, "-ERR only CLIENT SETINFO name value is known\r\n");
}

static void hello(struct call *call)
{
    if (call->count > 1 && !has_argument(call, 1, "2"))
        outbox_text(call->out, "-NOPROTO unsupported protocol version\r\n");
    else if (call->count > 2)
        outbox_text(call->out, "-ERR HELLO takes no options here\r\n");
    else
        outbox_text(call->out, "*14\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$5\r\n7.0.0\r\n"
                               "$5\r\nproto\r\n:2\r\n$2\r\nid\r\n:1\r\n$4\r\nmode\r\n"
                               "$10\r\nstandalone\r\n$4\r\nrole\r\n$6\r\nmaster\r\n"
                               "$7\r\nmodules\r\n*0\r\n");
}

static void quit(struct call *call)
{
    outbox_text(call->out, "+OK\r\n");
    call->leaves = true;
}

/* --- the dialects --- */

static void put_error(struct outbox *out, struct resp_word name, bool is_known)
{
    (void)name;
    (void)is_known;
    outbox_text(out, "-ERROR\r\n");
}

/* The client's own bytes must not end the line. */
static void put_reason(struct outbox *out, struct resp_word name, bool is_known)
{
    char shown[33], line[100];
    size_t len = 0;

    for (; len < name.len && len < sizeof shown - 1; len++)
        shown[len] = name.data[len] >= ' ' && name.data[len] <= '~' ? (char)name.data[len] : '?';
    shown[len] = '\0';
    snprintf(line, sizeof line,
             is_known ? "-ERR wrong number of arguments for '%s'\r\n"
                      : "-ERR unknown command '%s'\r\n",
             shown);
    outbox_text(out, line);
}

static const struct command simple_commands[] = {
    {"SET", 3, SIZE_MAX, set}, {"GET", 2, 2, get}, {"DEL", 2, SIZE_MAX, del}, {0}};

static const struct command redis_commands[] = {
    {"SET", 3, 3, set},
    {"GET", 2, 2, get},
    {"DEL", 2, SIZE_MAX, del},
    {"PING", 1, 2, ping},
    {"ECHO", 2, 2, echo},
    {"COMMAND", 1, SIZE_MAX, command},
    {"CONFIG", 2, SIZE_MAX, config},
    {"INFO", 1, SIZE_MAX, info},
    {"CLIENT", 2, SIZE_MAX, client},
    {"HELLO", 1, SIZE_MAX, hello},
    {"QUIT", 1, SIZE_MAX, quit},
    {0},
};

const struct dialect simple_dialect = {
    .commands = simple_commands,
    .put_value = put_array,
    .absent = "*1\r\n$3\r\nnil\r\n",
    .no_memory = "-ERROR\r\n",
    .framing_error = "-ERROR\r\n",
    .put_unknown = put_error,
};

const struct dialect redis_dialect = {
    .commands = redis_commands,
    .put_value = put_bulk,
    .absent = "$-1\r\n",
    .no_memory = "-ERR out of memory\r\n",
    .framing_error = "-ERR Protocol error\r\n",
    .put_unknown = put_reason,
};

const char *dialect_framing_error(const struct dialect *dialect)
{
    return dialect->framing_error;
}

bool command_execute(const struct dialect *dialect, struct kv *kv,
                     const struct resp_request *request, struct outbox *out)
{
    struct call call = {dialect, kv, request->words, request->count, out, false};
    const struct command *known = dialect->commands;

    if (request->count == 0)
        return true;
    while (known->name != NULL && !is_named(request->words[0], known->name))
        known++;
    if (known->name == NULL || call.count < known->least || call.count > known->most)
        dialect->put_unknown(out, request->words[0], known->name != NULL);
    else
        known->execute(&call);
    return !call.leaves;
}
