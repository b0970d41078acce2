/* outbox.c - a buffer in front of the connections: a call of send(2) costs more than the command
 * that it answers.
 *
 * It is replies.c of lab 3 once more, but there the replies to one client went out before another
 * one was served.  Which of them is an entry's reply for, that was applied just now? */
#include "outbox.h"

#include <string.h>

/* Stage 6.17. */
void outbox_flush(struct outbox *outbox)
{
    (void)outbox;
    /* Your code here. */
}

/* Stage 6.17: where does what waits go?  What if it is the same place? */
void outbox_turn(struct outbox *outbox, void (*send)(void *context, const void *data, size_t len),
                 void *context)
{
    (void)outbox;
    (void)send;
    (void)context;
    /* Your code here. */
}

/* Stage 6.17: and a reply that is larger than the buffer?  One to nobody? */
void outbox_put(struct outbox *outbox, const void *data, size_t len)
{
    (void)outbox;
    (void)data;
    (void)len;
    /* Your code here. */
}

void outbox_put_text(struct outbox *outbox, const char *text)
{
    outbox_put(outbox, text, strlen(text));
}

/* Stage 6.17: for a client that is gone. */
void outbox_drop(struct outbox *outbox)
{
    (void)outbox;
    /* Your code here. */
}
