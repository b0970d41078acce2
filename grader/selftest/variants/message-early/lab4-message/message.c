/* message.c - the codec, by hand.  The decoder tells a fault at the earliest byte that shows it, and
 * keeps the entries that have come, so each byte is looked at once.
 *
 * What it keeps between two calls are numbers, offsets from the window's start; never a pointer into
 * the window, which moves. */
#include "message_reader.h"

#include "bytes.h"

#include <stdlib.h>
#include <string.h>

enum { ENTRY_HEADER = 8, ENTRIES_AT = MESSAGE_HEADER_SIZE + 28 };

/* --- what can be sent --- */

static bool is_fine_request_vote(const struct request_vote *m)
{
    return m->term >= 0 && m->candidate_id >= 0 && m->last_log_index >= 0 && m->last_log_term >= 0;
}

static bool is_fine_append_entries(const struct append_entries *m)
{
    return m->term >= 0 && m->leader_id >= 0 && m->prev_log_index >= 0 && m->prev_log_term >= 0 &&
           m->leader_commit >= 0;
}

static bool is_fine_append_entries_reply(const struct append_entries_reply *m)
{
    return m->term >= 0 && m->follower_id >= 0 && m->log_index >= 0 && m->follower_commit >= 0;
}

/* 0: can't be sent. */
static size_t size_of_append_entries(const struct append_entries *m)
{
    size_t room = MESSAGE_LARGEST_PAYLOAD - 28;

    if (!is_fine_append_entries(m) || m->entry_count > room / ENTRY_HEADER)
        return 0;
    room -= m->entry_count * (size_t)ENTRY_HEADER;
    for (uint32_t i = 0; i < m->entry_count; i++) {
        if (m->entries[i].term < 0 || m->entries[i].size > room)
            return 0;
        room -= m->entries[i].size;
    }
    return MESSAGE_HEADER_SIZE + MESSAGE_LARGEST_PAYLOAD - room;
}

size_t message_size(const struct message *message)
{
    switch (message->type) {
    case REQUEST_VOTE:
        return is_fine_request_vote(&message->request_vote) ? MESSAGE_HEADER_SIZE + 16 : 0;
    case REQUEST_VOTE_REPLY:
        return message->request_vote_reply.term >= 0 ? MESSAGE_HEADER_SIZE + 5 : 0;
    case APPEND_ENTRIES:
        return size_of_append_entries(&message->append_entries);
    case APPEND_ENTRIES_REPLY:
        return is_fine_append_entries_reply(&message->append_entries_reply)
                   ? MESSAGE_HEADER_SIZE + 21
                   : 0;
    default: return 0;
    }
}

/* --- out, at fixed offsets --- */

static void put_request_vote(uint8_t *out, const struct request_vote *m)
{
    put_u32(out, (uint32_t)m->term);
    put_u32(out + 4, (uint32_t)m->candidate_id);
    put_u32(out + 8, (uint32_t)m->last_log_index);
    put_u32(out + 12, (uint32_t)m->last_log_term);
}

static void put_append_entries(uint8_t *out, const struct append_entries *m)
{
    put_u32(out, (uint32_t)m->term);
    put_u32(out + 4, (uint32_t)m->leader_id);
    put_u32(out + 8, (uint32_t)m->prev_log_index);
    put_u32(out + 12, (uint32_t)m->prev_log_term);
    put_u32(out + 16, (uint32_t)m->leader_commit);
    put_u32(out + 20, m->seq);
    put_u32(out + 24, m->entry_count);
    out += 28;
    for (uint32_t i = 0; i < m->entry_count; i++) {
        put_u32(out, (uint32_t)m->entries[i].term);
        put_u32(out + 4, m->entries[i].size);
        if (m->entries[i].size > 0)
            memcpy(out + 8, m->entries[i].data, m->entries[i].size);
        out += ENTRY_HEADER + (size_t)m->entries[i].size;
    }
}

static void put_append_entries_reply(uint8_t *out, const struct append_entries_reply *m)
{
    put_u32(out, (uint32_t)m->term);
    put_u32(out + 4, (uint32_t)m->follower_id);
    put_u32(out + 8, (uint32_t)m->log_index);
    out[12] = m->success ? 1 : 0;
    put_u32(out + 13, (uint32_t)m->follower_commit);
    put_u32(out + 17, m->ack);
}

size_t message_encode(const struct message *message, uint8_t *out, size_t room)
{
    size_t size = message_size(message);

    if (size == 0 || size > room)
        return 0;
    put_u32(out, (uint32_t)message->type);
    put_u32(out + 4, (uint32_t)(size - MESSAGE_HEADER_SIZE));
    out += MESSAGE_HEADER_SIZE;
    switch (message->type) {
    case REQUEST_VOTE: put_request_vote(out, &message->request_vote); break;
    case REQUEST_VOTE_REPLY:
        put_u32(out, (uint32_t)message->request_vote_reply.term);
        out[4] = message->request_vote_reply.vote_granted ? 1 : 0;
        break;
    case APPEND_ENTRIES: put_append_entries(out, &message->append_entries); break;
    case APPEND_ENTRIES_REPLY:
        put_append_entries_reply(out, &message->append_entries_reply);
        break;
    }
    return size;
}

/* --- in --- */

struct message_reader {
    struct log_entry *entries; /* of the message that is coming: so many, without data */
    size_t capacity;
    uint32_t count;
    size_t next; /* offset of the next entry; 0: not in the entries so far */
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

/* Of the number at in, have bytes are there (4 or more: all of them).  Can it still be one from least
 * to most? */
static bool can_be(const uint8_t *in, size_t have, uint32_t least, uint32_t most)
{
    uint64_t known = 0, step, smallest;

    if (have > 4)
        have = 4;
    for (size_t i = 0; i < have; i++)
        known |= (uint64_t)in[i] << 8 * i;
    step = UINT64_C(1) << 8 * have;
    smallest = known >= least ? known : known + (least - known + step - 1) / step * step;
    return smallest <= most && smallest <= UINT32_MAX && (have < 4 || smallest == known);
}

/* Bytes of what lies at offset that are in a window of len. */
static size_t have(size_t len, size_t offset)
{
    return len > offset ? len - offset : 0;
}

static bool can_be_i32(const uint8_t *window, size_t len, size_t offset)
{
    return len <= offset || can_be(window + offset, len - offset, 0, INT32_MAX);
}

static bool are_i32(const uint8_t *window, size_t len, size_t offset, int count)
{
    for (int i = 0; i < count; i++)
        if (!can_be_i32(window, len, offset + 4 * (size_t)i))
            return false;
    return true;
}

static bool can_be_flag(const uint8_t *window, size_t len, size_t offset)
{
    return len <= offset || window[offset] <= 1;
}

static bool can_be_header(const uint8_t *window, size_t len)
{
    if (!can_be(window, len, REQUEST_VOTE, APPEND_ENTRIES_REPLY))
        return false;
    if (len < 5)
        return true;
    const uint8_t *in = window + 4;
    switch (window[0]) {
    case REQUEST_VOTE: return can_be(in, len - 4, 16, 16);
    case REQUEST_VOTE_REPLY: return can_be(in, len - 4, 5, 5);
    case APPEND_ENTRIES_REPLY: return can_be(in, len - 4, 21, 21);
    default:
        return can_be(in, len - 4, 28, 28) || can_be(in, len - 4, 36, MESSAGE_LARGEST_PAYLOAD);
    }
}

/* The fields at fixed places, as far as they are there. */
static bool can_be_fields(const uint8_t *window, size_t len)
{
    switch (window[0]) {
    case REQUEST_VOTE: return are_i32(window, len, 8, 4);
    case REQUEST_VOTE_REPLY: return are_i32(window, len, 8, 1) && can_be_flag(window, len, 12);
    case APPEND_ENTRIES_REPLY:
        return are_i32(window, len, 8, 3) && can_be_flag(window, len, 20) &&
               can_be_i32(window, len, 21);
    default: break;
    }
    if (!are_i32(window, len, 8, 5))
        return false;
    if (len <= 32)
        return true;
    uint32_t left = get_u32(window + 4) - 28;
    return can_be(window + 32, len - 32, left > 0 ? 1 : 0, left / ENTRY_HEADER);
}

static bool reserve_one(struct message_reader *reader)
{
    if (reader->count < reader->capacity)
        return true;
    size_t capacity = reader->capacity > 0 ? 2 * reader->capacity : 16;
    struct log_entry *entries = realloc(reader->entries, capacity * sizeof *entries);
    if (entries == NULL)
        return false;
    reader->entries = entries;
    reader->capacity = capacity;
    return true;
}

/* The entries whose first 8 bytes are there, from where the last call stopped.  left >= 8 * due holds
 * at each step, and left is 0 if due is: so the last entry fits exactly. */
static enum message_result take_entries(struct message_reader *reader, const uint8_t *window,
                                        size_t len)
{
    uint32_t end = MESSAGE_HEADER_SIZE + get_u32(window + 4), count = get_u32(window + 32);

    if (reader->next == 0)
        reader->next = ENTRIES_AT;
    while (reader->count < count) {
        const uint8_t *in = window + reader->next;
        size_t there = have(len, reader->next);
        uint32_t due = count - reader->count - 1;
        uint32_t most = end - (uint32_t)reader->next - ENTRY_HEADER - ENTRY_HEADER * due;
        uint32_t least = due > 0 ? 0 : most;
        if ((there > 0 && !can_be(in, there, 0, INT32_MAX)) ||
            (there > 4 && !can_be(in + 4, there - 4, least, most)))
            return MESSAGE_MALFORMED;
        if (there < ENTRY_HEADER)
            return MESSAGE_MORE;
        if (!reserve_one(reader))
            return MESSAGE_NO_MEMORY;
        uint32_t size = get_u32(in + 4);
        reader->entries[reader->count++] = (struct log_entry){(int32_t)get_u32(in), size, NULL};
        reader->next += ENTRY_HEADER + (size_t)size;
    }
    return len < end ? MESSAGE_MORE : MESSAGE_DONE;
}

static int32_t get_i32(const uint8_t *in)
{
    return (int32_t)get_u32(in);
}

/* All of it is there, and right. */
static struct message get_message(struct message_reader *reader, const uint8_t *window)
{
    struct message m = {.type = (enum message_type)window[0]};
    const uint8_t *in = window + MESSAGE_HEADER_SIZE;

    switch (m.type) {
    case REQUEST_VOTE:
        m.request_vote = (struct request_vote){get_i32(in), get_i32(in + 4), get_i32(in + 8),
                                               get_i32(in + 12)};
        break;
    case REQUEST_VOTE_REPLY:
        m.request_vote_reply = (struct request_vote_reply){get_i32(in), in[4] == 1};
        break;
    case APPEND_ENTRIES:
        m.append_entries = (struct append_entries){
            get_i32(in),      get_i32(in + 4),  get_i32(in + 8),  get_i32(in + 12),
            get_i32(in + 16), get_u32(in + 20), get_u32(in + 24), reader->entries};
        break;
    case APPEND_ENTRIES_REPLY:
        m.append_entries_reply =
            (struct append_entries_reply){get_i32(in),  get_i32(in + 4),  get_i32(in + 8),
                                          in[12] == 1, get_i32(in + 13), get_u32(in + 17)};
        break;
    }
    return m;
}

/* The window stays where it is now, so the entries may point into it. */
static void place_data(struct message_reader *reader, const uint8_t *window)
{
    const uint8_t *in = window + ENTRIES_AT;

    for (uint32_t i = 0; i < reader->count; i++) {
        reader->entries[i].data = in + ENTRY_HEADER;
        in += ENTRY_HEADER + (size_t)reader->entries[i].size;
    }
}

enum message_result message_read(struct message_reader *reader, const uint8_t *window, size_t len,
                                 struct message *message, size_t *size)
{
    if (len == 0)
        return MESSAGE_MORE;
    if (!can_be_header(window, len))
        return MESSAGE_MALFORMED;
    if (len < MESSAGE_HEADER_SIZE)
        return MESSAGE_MORE;
    if (reader->next == 0)
        reader->count = 0;
    if (!can_be_fields(window, len))
        return MESSAGE_MALFORMED;
    size_t end = MESSAGE_HEADER_SIZE + (size_t)get_u32(window + 4);
    if (window[0] == APPEND_ENTRIES && len >= ENTRIES_AT) {
        enum message_result result = take_entries(reader, window, len);
        if (result != MESSAGE_DONE)
            return result;
        place_data(reader, window);
    }
    if (len < end)
        return MESSAGE_MORE;
    *message = get_message(reader, window);
    *size = end;
    reader->next = 0;
    return MESSAGE_DONE;
}
