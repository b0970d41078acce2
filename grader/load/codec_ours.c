/* codec_ours.c - the codec of message.h and message_reader.h. */
#include "codec_bench.h"
#include "message_reader.h"

static struct message_reader *reader;
static struct message sent, received;

static bool prepare(const struct append_entries *m)
{
    sent = (struct message){.type = APPEND_ENTRIES, .append_entries = *m};
    reader = message_reader_new();
    return reader != NULL;
}

static size_t encode(uint8_t *out, size_t room)
{
    return message_encode(&sent, out, room);
}

static bool decode(const uint8_t *in, size_t len)
{
    size_t size;

    return message_read(reader, in, len, &received, &size) == MESSAGE_DONE && size == len;
}

static void decoded(struct append_entries *m)
{
    if (received.type == APPEND_ENTRIES)
        *m = received.append_entries;
}

const struct codec codec = {prepare, encode, decode, decoded};
