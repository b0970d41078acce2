/* outbox.c - see outbox.h. */
#include "outbox.h"

#include "numeral.h"

#include <string.h>

void outbox_flush(struct outbox *out)
{
    if (out->len > 0)
        connection_send(out->to, out->bytes, out->len);
    out->len = 0;
}

/* What is large is not copied: it goes on its own, behind what waits. */
void outbox_put(struct outbox *out, const void *data, size_t len)
{
    if (len > sizeof out->bytes - out->len)
        outbox_flush(out);
    if (len > sizeof out->bytes) {
        connection_send(out->to, data, len);
    } else if (len > 0) {
        memcpy(out->bytes + out->len, data, len);
        out->len += len;
    }
}

void outbox_text(struct outbox *out, const char *text)
{
    outbox_put(out, text, strlen(text));
}

void outbox_integer(struct outbox *out, int64_t integer)
{
    uint8_t line[32];

    outbox_put(out, line, resp_write_integer(line, sizeof line, integer));
}

void outbox_line(struct outbox *out, char type, size_t number)
{
    uint8_t line[1 + NUMERAL_LONGEST + 2] = {(uint8_t)type};
    size_t len = 1 + numeral_digits(number, line + 1);

    line[len++] = '\r';
    line[len++] = '\n';
    outbox_put(out, line, len);
}

void outbox_word(struct outbox *out, struct resp_word word)
{
    outbox_line(out, '$', word.len);
    outbox_put(out, word.data, word.len);
    outbox_text(out, "\r\n");
}
