/* outbox.h - replies on their way, collected so that many leave at once.
 *
 * One is enough for all clients: requests that came together are proposed, applied and answered
 * together, so the replies to one client mostly follow one another. */
#ifndef OUTBOX_H
#define OUTBOX_H

#include "resp.h"

enum { OUTBOX_SIZE = 32 * 1024 };

/* All zero: empty, and what is put into it is dropped. */
struct outbox {
    void (*send)(void *context, const void *data, size_t len); /* NULL: to nobody */
    void *context;
    size_t len;
    uint8_t bytes[OUTBOX_SIZE];
};

/* From now on, what is put into it goes there.  What waits for another place goes out before. */
void outbox_turn(struct outbox *outbox, void (*send)(void *context, const void *data, size_t len),
                 void *context);

/* Adds bytes; what does not fit goes out at once, behind what waits. */
void outbox_put(struct outbox *outbox, const void *data, size_t len);
void outbox_put_text(struct outbox *outbox, const char *text);

/* Sends what waits. */
void outbox_flush(struct outbox *outbox);

/* Drops what waits, and what is put into it until the next outbox_turn. */
void outbox_drop(struct outbox *outbox);

#endif
