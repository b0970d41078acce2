/* tools.c - the answers of tools.h: what redis-cli, redis-benchmark and client libraries look at,
 * in the words of Redis. */
#include "tools.h"

#include "resp2.h"

#include <stdio.h>
#include <string.h>

enum { LONGEST_NAME = 64 };

struct question {
    const struct resp_word *words;
    size_t count;
    enum dialect *dialect;
    struct outbox *replies;
};

static void put_text(const struct question *question, const char *text)
{
    outbox_put_text(question->replies, text);
}

static void put_count(const struct question *question, char type, size_t count)
{
    char line[32];

    snprintf(line, sizeof line, "%c%zu\r\n", type, count);
    put_text(question, line);
}

/* The bytes of a word go as they are; they may be many. */
static void put_bulk(const struct question *question, struct resp_word word)
{
    put_count(question, RESP2_BULK, word.len);
    outbox_put(question->replies, word.data, word.len);
    put_text(question, "\r\n");
}

static void put_string(const struct question *question, const char *text)
{
    put_bulk(question, (struct resp_word){(const uint8_t *)text, strlen(text)});
}

/* The head of a map, whose keys and values follow by turns. */
static void put_map(const struct question *question, size_t pairs)
{
    if (*question->dialect == DIALECT_RESP3)
        put_count(question, '%', pairs);
    else
        put_count(question, RESP_ARRAY, 2 * pairs);
}

static void ping(const struct question *question)
{
    if (question->count == 1)
        put_text(question, "+PONG\r\n");
    else
        put_bulk(question, question->words[1]);
}

static void echo(const struct question *question)
{
    put_bulk(question, question->words[1]);
}

static void select_database(const struct question *question)
{
    if (is_word(question->words[1], "0"))
        put_text(question, "+OK\r\n");
    else
        put_text(question, "-ERR DB index is out of range\r\n");
}

/* No command is described: redis-cli then completes and hints at none. */
static void command(const struct question *question)
{
    put_count(question, RESP_ARRAY, 0);
}

/* redis-benchmark asks for save and appendonly, and shows what it gets. */
static void config(const struct question *question)
{
    if (question->count != 3 || !is_word(question->words[1], "GET")) {
        put_text(question, "-ERR unknown subcommand. Try CONFIG GET.\r\n");
        return;
    }
    put_map(question, 1);
    put_bulk(question, question->words[2]);
    put_string(question, is_word(question->words[2], "APPENDONLY") ? "yes" : "");
}

static void info(const struct question *question)
{
    put_string(question, "# Server\r\nredis_version:7.0.0\r\nredis_mode:standalone\r\n");
}

/* Of the options only the version of the protocol is looked at. */
static void hello(const struct question *question)
{
    bool asks = question->count > 1, asks_for_3 = asks && is_word(question->words[1], "3");

    if (asks && !asks_for_3 && !is_word(question->words[1], "2")) {
        put_text(question, "-NOPROTO unsupported protocol version\r\n");
        return;
    }
    if (asks)
        *question->dialect = asks_for_3 ? DIALECT_RESP3 : DIALECT_RESP2;
    put_map(question, 3);
    put_string(question, "server");
    put_string(question, "redis");
    put_string(question, "version");
    put_string(question, "7.0.0");
    put_string(question, "proto");
    put_text(question, *question->dialect == DIALECT_RESP3 ? ":3\r\n" : ":2\r\n");
}

/* What a client says of itself is taken note of by nobody. */
static void client(const struct question *question)
{
    struct resp_word what = question->words[1];

    if (is_word(what, "SETINFO") || is_word(what, "SETNAME"))
        put_text(question, "+OK\r\n");
    else if (is_word(what, "ID"))
        put_text(question, ":1\r\n");
    else
        put_text(question, "-ERR unknown subcommand. Try CLIENT SETINFO.\r\n");
}

static void quit(const struct question *question)
{
    put_text(question, "+OK\r\n");
}

static const struct known {
    const char *name;
    void (*answer)(const struct question *question); /* NULL: a command of the store */
    size_t least, most;                              /* words, the name too */
} known[] = {
    {"GET", NULL, 2, 2},
    {"SET", NULL, 3, 3},
    {"DEL", NULL, 2, RESP_MOST_WORDS},
    {"EXISTS", NULL, 2, RESP_MOST_WORDS},
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

/* --- errors --- */

/* An error is one line, so of the client's own bytes only what can be printed goes into it. */
static void put_name(const struct question *question)
{
    struct resp_word name = question->words[0];
    char text[LONGEST_NAME + 1];
    size_t len = 0;

    for (; len < name.len && len < LONGEST_NAME; len++) {
        uint8_t c = name.data[len];
        text[len] = ' ';
        if (c > ' ' && c <= '~')
            text[len] = (char)c;
    }
    text[len] = '\0';
    put_text(question, text);
}

static void refuse_unknown(const struct question *question)
{
    put_text(question, "-ERR unknown command '");
    put_name(question);
    put_text(question, "'\r\n");
}

/* Here Redis has the name in small letters. */
static void refuse_count(const struct question *question)
{
    put_text(question, "-ERR wrong number of arguments for '");
    put_name(question);
    put_text(question, "' command\r\n");
}

static const struct known *find(struct resp_word name)
{
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (is_word(name, known[i].name))
            return &known[i];
    return NULL;
}

bool tools_answer(const struct resp_request *request, enum dialect *dialect, struct outbox *replies)
{
    struct question question = {.words = request->words, .count = request->count};
    const struct known *found = find(request->words[0]);

    question.dialect = dialect;
    question.replies = replies;
    if (found == NULL)
        refuse_unknown(&question);
    else if (found->answer == NULL && request->count > found->most)
        put_text(&question, "-ERR syntax error\r\n"); /* SET with EX, NX and the like */
    else if (found->answer == NULL || request->count < found->least || request->count > found->most)
        refuse_count(&question);
    else
        found->answer(&question);
    return found == NULL || found->answer != quit;
}
