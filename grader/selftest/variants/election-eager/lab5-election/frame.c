/* frame.c - message.h's formats as a table, and one walk along it.
 *
 * A letter is a field: n, a number that is not negative; s, the same, and the sender; f, a flag;
 * x, any 32 bits; e, a count and so many entries, up to the end. */
#include "frame.h"

#include "message.h"

#include <string.h>

static const struct layout {
    const char *fields;
    uint32_t least, most; /* the payload's size */
    bool asks;
} layouts[] = {
    {"nsnn", 16, 16, true},
    {"nf", 5, 5, false},
    {"nsnnnxe", 28, MESSAGE_LARGEST_PAYLOAD, true},
    {"nsnfnx", 21, 21, false},
};

enum { KINDS = sizeof layouts / sizeof layouts[0], ENTRY_HEADER = 8 };

static uint32_t number_at(const uint8_t *data)
{
    uint32_t number = 0;

    for (int i = 3; i >= 0; i--)
        number = number << 8 | data[i];
    return number;
}

static bool is_negative(uint32_t number)
{
    return number > INT32_MAX;
}

static const struct layout *find_layout(const uint8_t *header)
{
    uint32_t type = number_at(header);

    return type >= 1 && type <= KINDS ? &layouts[type - 1] : NULL;
}

bool frame_asks(const uint8_t *data)
{
    const struct layout *layout = find_layout(data);

    return layout != NULL && layout->asks;
}

/* Exactly count entries, and not a byte more. */
static bool are_entries(const uint8_t *data, size_t len, uint32_t count)
{
    for (; count > 0; count--) {
        if (len < ENTRY_HEADER || is_negative(number_at(data)))
            return false;
        uint32_t size = number_at(data + 4);
        if (size > len - ENTRY_HEADER)
            return false;
        data += ENTRY_HEADER + size;
        len -= ENTRY_HEADER + size;
    }
    return len == 0;
}

/* The sizes were right, so each field but the entries is there. */
static bool walk(const char *fields, const uint8_t *data, size_t len, int32_t *sender)
{
    const uint8_t *end = data + len;

    for (; *fields != '\0'; fields++) {
        if (*fields == 'f') {
            if (*data > 1)
                return false;
            data++;
            continue;
        }
        uint32_t number = number_at(data);
        data += 4;
        if (*fields == 'e')
            return are_entries(data, (size_t)(end - data), number);
        if (*fields != 'x' && is_negative(number))
            return false;
        if (*fields == 's')
            *sender = (int32_t)number;
    }
    return true;
}

struct frame frame_look(const uint8_t *data, size_t len)
{
    struct frame frame = {.state = FRAME_PART};

    if (len < MESSAGE_HEADER_SIZE)
        return frame;
    const struct layout *layout = find_layout(data);
    uint32_t payload = number_at(data + 4);
    frame.state = FRAME_WRONG;
    if (layout == NULL || payload < layout->least || payload > layout->most)
        return frame;
    frame.size = MESSAGE_HEADER_SIZE + (size_t)payload;
    frame.asks = layout->asks;
    if (len < frame.size)
        frame.state = FRAME_PART;
    else if (walk(layout->fields, data + MESSAGE_HEADER_SIZE, payload, &frame.sender))
        frame.state = FRAME_WHOLE;
    return frame;
}
