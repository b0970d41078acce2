/* replies.h - replies on their way to one client, collected so that many leave at once. */
#ifndef REPLIES_H
#define REPLIES_H

#include "resp.h"

enum { REPLIES_SIZE = 16 * 1024 };

/* All zero but send and context: empty. */
struct replies {
    void (*send)(void *context, const void *data, size_t len);
    void *context;
    size_t len;
    uint8_t bytes[REPLIES_SIZE];
};

/* Adds bytes; what does not fit goes out at once, behind what waits. */
void replies_put(struct replies *replies, const void *data, size_t len);

void replies_put_text(struct replies *replies, const char *text);
void replies_put_integer(struct replies *replies, int64_t integer);

/* Sends what waits. */
void replies_flush(struct replies *replies);

#endif
