/* replies.c - a buffer in front of whatever sends: a call of send(2) costs more than the command
 * that it answers. */
#include "replies.h"

#include <string.h>

/* Stage 3.10. */
void replies_flush(struct replies *replies)
{
    (void)replies;
    /* Your code here. */
}

/* Stage 3.10.  Stage 3.13: and a reply that is larger than the buffer? */
void replies_put(struct replies *replies, const void *data, size_t len)
{
    (void)replies;
    (void)data;
    (void)len;
    /* Your code here. */
}

void replies_put_text(struct replies *replies, const char *text)
{
    replies_put(replies, text, strlen(text));
}

/* Stage 3.10. */
void replies_put_integer(struct replies *replies, int64_t integer)
{
    (void)replies;
    (void)integer;
    /* Your code here. */
}
