/* frame.h - where a message ends, whether it is one, and whom it names. */
#ifndef FRAME_H
#define FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum frame_state { FRAME_PART, FRAME_WHOLE, FRAME_WRONG };

struct frame {
    size_t size;    /* header included */
    bool asks;      /* a request */
    int32_t sender; /* as the message has it; 0 where it has none */
    enum frame_state state;
};

/* Looks at the start of data, of which len bytes are there.  Of a part only the header counts. */
struct frame frame_look(const uint8_t *data, size_t len);

/* Whether a message, of which the header is there, is a request. */
bool frame_asks(const uint8_t *data);

#endif
