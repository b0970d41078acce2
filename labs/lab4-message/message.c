/* message.c - the messages of message.h.
 *
 * The bytes are put and taken one number at a time.  What would go wrong with a memcpy of a whole
 * struct?  Compare its size with the bytes on the wire. */
#include "message_reader.h"

#include "bytes.h"

#include <stdlib.h>
#include <string.h>

/* --- what is fine, to be sent or received --- */

/* Whether no term, index or id is negative, and the type is one of the four. */
static bool is_fine(const struct message *m)
{
    (void)m;
    /* Your code here. */
    return false;
}

/* Adds the entries to the size of a payload; false if one can't be sent, or it gets too large.  How
 * many bits does the sum need? */
static bool add_entries(const struct append_entries *m, uint64_t *payload_size)
{
    (void)m;
    (void)payload_size;
    /* Your code here. */
    return false;
}

size_t message_size(const struct message *message)
{
    (void)message;
    (void)is_fine;
    (void)add_entries;
    /* Your code here. */
    return 0;
}

/* --- bytes out: each returns the place behind what it put --- */

static uint8_t *put_i32(uint8_t *out, int32_t number)
{
    return put_u32(out, (uint32_t)number);
}

static uint8_t *put_request_vote(uint8_t *out, const struct request_vote *m)
{
    (void)m;
    (void)put_i32;
    /* Your code here. */
    return out;
}

/* How many bytes has a flag? */
static uint8_t *put_request_vote_reply(uint8_t *out, const struct request_vote_reply *m)
{
    (void)m;
    /* Your code here. */
    return out;
}

/* In which order are seq, entry_count and the entries?  And what of an entry without data? */
static uint8_t *put_append_entries(uint8_t *out, const struct append_entries *m)
{
    (void)m;
    /* Your code here. */
    return out;
}

static uint8_t *put_append_entries_reply(uint8_t *out, const struct append_entries_reply *m)
{
    (void)m;
    /* Your code here. */
    return out;
}

/* The header and the payload: but what first, if room is too small? */
size_t message_encode(const struct message *message, uint8_t *out, size_t room)
{
    (void)message;
    (void)out;
    (void)room;
    (void)put_request_vote;
    (void)put_request_vote_reply;
    (void)put_append_entries;
    (void)put_append_entries_reply;
    /* Your code here. */
    return 0;
}

/* --- bytes in --- */

/* The number at *in, which moves behind it.  Who makes sure that its bytes are there? */
static uint32_t take_u32(const uint8_t **in)
{
    *in += 4;
    return get_u32(*in - 4);
}

/* Gcc and clang convert as two's complement says. */
static int32_t take_i32(const uint8_t **in)
{
    return (int32_t)take_u32(in);
}

struct message_reader {
    struct log_entry *entries; /* room for so many */
    size_t capacity;
    /* Your fields here. */
};

struct message_reader *message_reader_new(void)
{
    return calloc(1, sizeof(struct message_reader));
}

void message_reader_free(struct message_reader *reader)
{
    if (reader == NULL)
        return;
    free(reader->entries);
    free(reader);
}

/* All of len bytes, into reader->entries.  When is it known how much room they need?  Each size, and
 * count itself, come from a stranger. */
static enum message_result take_entries(struct message_reader *reader, const uint8_t *in,
                                        size_t len, uint32_t count)
{
    (void)reader;
    (void)in;
    (void)len;
    (void)count;
    /* Your code here. */
    return MESSAGE_MALFORMED;
}

/* What the header alone tells: which sizes can the payload of this type have? */
static bool is_payload_size(uint32_t type, uint32_t size)
{
    (void)type;
    (void)size;
    /* Your code here. */
    return false;
}

/* A whole payload of len bytes.  *m changes only if all of it is right. */
static enum message_result take_payload(struct message_reader *reader, uint32_t type,
                                        const uint8_t *in, size_t len, struct message *m)
{
    (void)reader;
    (void)type;
    (void)in;
    (void)len;
    (void)m;
    (void)take_i32;
    (void)take_entries;
    /* Your code here. */
    return MESSAGE_MALFORMED;
}

/* Is the header there?  Can it be right?  Is the payload there?  Only then is it read. */
enum message_result message_read(struct message_reader *reader, const uint8_t *window, size_t len,
                                 struct message *message, size_t *size)
{
    (void)reader;
    (void)window;
    (void)len;
    (void)message;
    (void)size;
    (void)is_payload_size;
    (void)take_payload;
    /* Your code here. */
    return MESSAGE_MALFORMED;
}
