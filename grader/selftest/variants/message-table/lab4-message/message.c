/* message.c - the codec, from one table: which fields, how wide, of what kind, where in the struct. */
#include "message_reader.h"

#include "bytes.h"

#include <stdlib.h>
#include <string.h>

enum { ENTRY_HEADER = 8, MOST_FIELDS = 7 };

/* NATURAL: an i32 that is not negative.  ANY: 32 bits of any value.  FLAG: one byte, 0 or 1. */
enum kind { END, NATURAL, ANY, FLAG };

static const size_t widths[] = {[END] = 0, [NATURAL] = 4, [ANY] = 4, [FLAG] = 1};

struct field {
    enum kind kind;
    size_t place; /* in struct message */
};

#define AT(member) offsetof(struct message, member)

static const struct field layouts[][MOST_FIELDS + 1] = {
    [REQUEST_VOTE] = {{NATURAL, AT(request_vote.term)},
                      {NATURAL, AT(request_vote.candidate_id)},
                      {NATURAL, AT(request_vote.last_log_index)},
                      {NATURAL, AT(request_vote.last_log_term)}},
    [REQUEST_VOTE_REPLY] = {{NATURAL, AT(request_vote_reply.term)},
                            {FLAG, AT(request_vote_reply.vote_granted)}},
    [APPEND_ENTRIES] = {{NATURAL, AT(append_entries.term)},
                        {NATURAL, AT(append_entries.leader_id)},
                        {NATURAL, AT(append_entries.prev_log_index)},
                        {NATURAL, AT(append_entries.prev_log_term)},
                        {NATURAL, AT(append_entries.leader_commit)},
                        {ANY, AT(append_entries.seq)},
                        {ANY, AT(append_entries.entry_count)}},
    [APPEND_ENTRIES_REPLY] = {{NATURAL, AT(append_entries_reply.term)},
                              {NATURAL, AT(append_entries_reply.follower_id)},
                              {NATURAL, AT(append_entries_reply.log_index)},
                              {FLAG, AT(append_entries_reply.success)},
                              {NATURAL, AT(append_entries_reply.follower_commit)},
                              {ANY, AT(append_entries_reply.ack)}},
};

/* NULL: no such type. */
static const struct field *layout_of(uint32_t type)
{
    return type >= REQUEST_VOTE && type <= APPEND_ENTRIES_REPLY ? layouts[type] : NULL;
}

/* Of the fields alone, without entries. */
static size_t fixed_size(const struct field *f)
{
    size_t size = 0;

    for (; f->kind != END; f++)
        size += widths[f->kind];
    return size;
}

/* --- one field, between struct and number --- */

static uint32_t load(const struct message *m, const struct field *f)
{
    const uint8_t *place = (const uint8_t *)m + f->place;
    uint32_t number;

    if (f->kind == FLAG)
        return *(const bool *)place ? 1 : 0;
    memcpy(&number, place, sizeof number);
    return number;
}

static void store(struct message *m, const struct field *f, uint32_t number)
{
    uint8_t *place = (uint8_t *)m + f->place;

    if (f->kind == FLAG)
        *(bool *)place = number == 1;
    else
        memcpy(place, &number, sizeof number);
}

static bool is_fine(enum kind kind, uint32_t number)
{
    switch (kind) {
    case NATURAL: return number <= INT32_MAX;
    case FLAG: return number <= 1;
    default: return true;
    }
}

/* --- out --- */

static bool add_entries(const struct append_entries *m, uint64_t *size)
{
    for (uint32_t i = 0; i < m->entry_count; i++) {
        *size += ENTRY_HEADER + (uint64_t)m->entries[i].size;
        if (m->entries[i].term < 0 || *size > MESSAGE_LARGEST_PAYLOAD)
            return false;
    }
    return true;
}

size_t message_size(const struct message *message)
{
    const struct field *layout = layout_of((uint32_t)message->type);

    if (layout == NULL)
        return 0;
    for (const struct field *f = layout; f->kind != END; f++)
        if (!is_fine(f->kind, load(message, f)))
            return 0;
    uint64_t size = fixed_size(layout);
    if (message->type == APPEND_ENTRIES && !add_entries(&message->append_entries, &size))
        return 0;
    return MESSAGE_HEADER_SIZE + (size_t)size;
}

static uint8_t *put_entry(uint8_t *out, const struct log_entry *entry)
{
    out = put_u32(out, (uint32_t)entry->term);
    out = put_u32(out, entry->size);
    if (entry->size > 0)
        memcpy(out, entry->data, entry->size);
    return out + entry->size;
}

size_t message_encode(const struct message *message, uint8_t *out, size_t room)
{
    size_t size = message_size(message);

    if (size == 0 || size > room)
        return 0;
    out = put_u32(out, (uint32_t)message->type);
    out = put_u32(out, (uint32_t)(size - MESSAGE_HEADER_SIZE));
    for (const struct field *f = layout_of((uint32_t)message->type); f->kind != END; f++) {
        uint32_t number = load(message, f);
        if (widths[f->kind] == 1)
            *out++ = (uint8_t)number;
        else
            out = put_u32(out, number);
    }
    if (message->type == APPEND_ENTRIES)
        for (uint32_t i = 0; i < message->append_entries.entry_count; i++)
            out = put_entry(out, &message->append_entries.entries[i]);
    return size;
}

/* --- in --- */

struct message_reader {
    struct log_entry *entries;
    size_t capacity;
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

/* Whether count entries fill the len bytes exactly.  Takes no memory. */
static bool are_entries(const uint8_t *in, size_t len, uint32_t count)
{
    if (count > len / ENTRY_HEADER)
        return false;
    for (; count > 0; count--) {
        if (len < ENTRY_HEADER || get_u32(in) > INT32_MAX ||
            get_u32(in + 4) > len - ENTRY_HEADER)
            return false;
        size_t size = ENTRY_HEADER + (size_t)get_u32(in + 4);
        in += size;
        len -= size;
    }
    return len == 0;
}

static bool reserve(struct message_reader *reader, size_t count)
{
    if (count <= reader->capacity)
        return true;
    struct log_entry *entries = realloc(reader->entries, count * sizeof *entries);
    if (entries == NULL)
        return false;
    reader->entries = entries;
    reader->capacity = count;
    return true;
}

/* All of the bytes are there, and were found right before memory is taken. */
static enum message_result take_entries(struct message_reader *reader, const uint8_t *in, size_t len,
                                        struct append_entries *m)
{
    if (!are_entries(in, len, m->entry_count))
        return MESSAGE_MALFORMED;
    if (!reserve(reader, m->entry_count))
        return MESSAGE_NO_MEMORY;
    for (uint32_t i = 0; i < m->entry_count; i++) {
        uint32_t size = get_u32(in + 4);
        reader->entries[i] = (struct log_entry){(int32_t)get_u32(in), size, in + ENTRY_HEADER};
        in += ENTRY_HEADER + size;
    }
    m->entries = reader->entries;
    return MESSAGE_DONE;
}

static bool is_payload_size(uint32_t type, uint32_t size)
{
    const struct field *layout = layout_of(type);

    if (layout == NULL)
        return false;
    if (type == APPEND_ENTRIES)
        return size >= fixed_size(layout) && size <= MESSAGE_LARGEST_PAYLOAD;
    return size == fixed_size(layout);
}

static enum message_result take_payload(struct message_reader *reader, uint32_t type,
                                        const uint8_t *in, size_t len, struct message *message)
{
    struct message m = {.type = (enum message_type)type};
    const uint8_t *end = in + len;

    for (const struct field *f = layout_of(type); f->kind != END; f++) {
        uint32_t number = widths[f->kind] == 1 ? *in : get_u32(in);
        if (!is_fine(f->kind, number))
            return MESSAGE_MALFORMED;
        store(&m, f, number);
        in += widths[f->kind];
    }
    if (type == APPEND_ENTRIES) {
        enum message_result result =
            take_entries(reader, in, (size_t)(end - in), &m.append_entries);
        if (result != MESSAGE_DONE)
            return result;
    }
    *message = m;
    return MESSAGE_DONE;
}

enum message_result message_read(struct message_reader *reader, const uint8_t *window, size_t len,
                                 struct message *message, size_t *size)
{
    if (len < MESSAGE_HEADER_SIZE)
        return MESSAGE_MORE;
    uint32_t type = get_u32(window), payload_size = get_u32(window + 4);
    if (!is_payload_size(type, payload_size))
        return MESSAGE_MALFORMED;
    if (len - MESSAGE_HEADER_SIZE < payload_size)
        return MESSAGE_MORE;
    enum message_result result =
        take_payload(reader, type, window + MESSAGE_HEADER_SIZE, payload_size, message);
    if (result == MESSAGE_DONE)
        *size = MESSAGE_HEADER_SIZE + (size_t)payload_size;
    return result;
}
