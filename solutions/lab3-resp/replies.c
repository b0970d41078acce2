/* replies.c - a buffer in front of whatever sends: a call of send(2) costs more than the command
 * that it answers.  A reply that is large anyway is not copied first. */
#include "replies.h"

#include <string.h>

void replies_flush(struct replies *replies)
{
    if (replies->len > 0)
        replies->send(replies->context, replies->bytes, replies->len);
    replies->len = 0;
}

void replies_put(struct replies *replies, const void *data, size_t len)
{
    if (REPLIES_SIZE - replies->len < len)
        replies_flush(replies);
    if (len > REPLIES_SIZE) {
        replies->send(replies->context, data, len);
        return;
    }
    memcpy(replies->bytes + replies->len, data, len);
    replies->len += len;
}

void replies_put_text(struct replies *replies, const char *text)
{
    replies_put(replies, text, strlen(text));
}

void replies_put_integer(struct replies *replies, int64_t integer)
{
    uint8_t line[32];

    replies_put(replies, line, resp_write_integer(line, sizeof line, integer));
}
