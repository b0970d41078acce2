/* outbox.c - a buffer in front of the connections: a call of send(2) costs more than the command
 * that it answers.  A reply that is large anyway is not copied first. */
#include "outbox.h"

#include <string.h>

void outbox_flush(struct outbox *outbox)
{
    size_t len = outbox->len;

    outbox->len = 0;
    if (len > 0)
        outbox->send(outbox->context, outbox->bytes, len);
}

void outbox_turn(struct outbox *outbox, void (*send)(void *context, const void *data, size_t len),
                 void *context)
{
    if (outbox->send == send && outbox->context == context)
        return;
    outbox_flush(outbox);
    outbox->send = send;
    outbox->context = context;
}

void outbox_put(struct outbox *outbox, const void *data, size_t len)
{
    if (OUTBOX_SIZE - outbox->len < len)
        outbox_flush(outbox);
    if (outbox->send == NULL)
        return;
    if (len > OUTBOX_SIZE) {
        outbox->send(outbox->context, data, len);
        return;
    }
    memcpy(outbox->bytes + outbox->len, data, len);
    outbox->len += len;
}

void outbox_put_text(struct outbox *outbox, const char *text)
{
    outbox_put(outbox, text, strlen(text));
}

void outbox_drop(struct outbox *outbox)
{
    outbox->len = 0;
    outbox->send = NULL;
    outbox->context = NULL;
}
