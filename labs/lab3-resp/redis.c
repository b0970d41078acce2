/* redis.c - the commands of redis.h: those of the store, with one word as a value, and what
 * redis-cli, redis-benchmark and client libraries ask before they start. */
#include "redis.h"

#include "commands.h"
#include "resp2.h"

/* One call of a command. */
struct call {
    struct kv *kv;
    struct redis_client *client;
    const struct resp_word *words;
    size_t count;
    struct replies *replies;
};

/* Stage 3.15: the bytes of a word go as they are; they may be many. */
static void put_bulk(const struct call *call, struct resp_word word)
{
    (void)call;
    (void)word;
    /* Your code here. */
}

static void ping(const struct call *call)
{
    if (call->count == 1)
        replies_put_text(call->replies, "+PONG\r\n");
    else
        put_bulk(call, call->words[1]);
}

/* Stages 3.15 and 3.16: further commands go here. */
static const struct known {
    const char *name;
    void (*execute)(const struct call *call);
    size_t least, most; /* words, the name too */
} known[] = {
    {"PING", ping, 1, 2},
};

/* Stage 3.15: finds the command and executes it.  An error is one line: what may not get into it
 * from the client's own words? */
void redis_execute(struct kv *kv, struct redis_client *client, const struct resp_request *request,
                   struct replies *replies)
{
    struct call call = {kv, client, request->words, request->count, replies};

    (void)call;
    (void)known;
    /* Your code here. */
}
