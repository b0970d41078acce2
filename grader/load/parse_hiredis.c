/* parse_hiredis.c - a peer: the reader of hiredis, as redisBufferRead and redisGetReply use it.
 *
 * It is made for replies, and a request has the form of one: an array of strings.  Bare, it makes
 * no objects (fn is NULL): then it tells only that an array came. */
#include "parse_bench.h"

#include <hiredis/hiredis.h>

static redisReader *reader;

static bool open_reader(void)
{
    reader = redisReaderCreate();
    return reader != NULL;
}

static bool open_bare(void)
{
    if (!open_reader())
        return false;
    reader->fn = NULL;
    return true;
}

static void see(redisReply *reply, struct found *found, bool with_hash)
{
    for (size_t i = 0; i < reply->elements; i++)
        see_word(found, reply->element[i]->str, reply->element[i]->len, with_hash);
    freeReplyObject(reply);
}

static bool take_replies(struct found *found, bool with_hash)
{
    for (;;) {
        void *reply = NULL;
        if (redisReaderGetReply(reader, &reply) != REDIS_OK)
            return false;
        if (reply == NULL)
            return true;
        found->commands++;
        if (reader->fn != NULL)
            see(reply, found, with_hash);
    }
}

static bool parse(const struct stream *stream, size_t chunk, struct found *found, bool with_hash)
{
    for (size_t at = 0; at < stream->size; at += chunk) {
        size_t rest = stream->size - at;
        const char *piece = (const char *)stream->data + at;
        if (redisReaderFeed(reader, piece, rest < chunk ? rest : chunk) != REDIS_OK ||
            !take_replies(found, with_hash))
            return false;
    }
    return true;
}

const struct side *side_named(bool bare)
{
    static const struct side with_objects = {true, open_reader, parse};
    static const struct side without = {false, open_bare, parse};

    return bare ? &without : &with_objects;
}
