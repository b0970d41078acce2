/* outbox.h - replies to one client at a time, gathered so that many leave at once. */
#ifndef OUTBOX_H
#define OUTBOX_H

#include "connection.h"
#include "resp.h"

struct outbox {
    struct connection *to;
    size_t len;
    uint8_t bytes[12 * 1024];
};

void outbox_put(struct outbox *out, const void *data, size_t len);
void outbox_text(struct outbox *out, const char *text);
void outbox_integer(struct outbox *out, int64_t integer);
void outbox_line(struct outbox *out, char type, size_t number); /* "*3\r\n" */
void outbox_word(struct outbox *out, struct resp_word word);    /* "$1\r\nk\r\n" */
void outbox_flush(struct outbox *out);

#endif
