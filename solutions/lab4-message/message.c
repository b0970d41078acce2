/* message.c - the messages of message.h.
 *
 * The bytes are put and taken one number at a time: a struct in memory has padding, this machine's
 * byte order and an alignment, and none of the three belongs on a wire.
 *
 * Nothing of a payload is looked at before all of it has come.  So a reader has nothing to remember
 * between two calls, and a window that grows by a byte costs a look at its header. */
#include "message_reader.h"

#include "bytes.h"

#include <stdlib.h>
#include <string.h>

enum { ENTRY_HEADER_SIZE = 8, FIRST_CAPACITY = 16 };

/* Of a payload, without the entries. */
static const uint32_t fixed_sizes[] = {
    [REQUEST_VOTE] = 16,
    [REQUEST_VOTE_REPLY] = 5,
    [APPEND_ENTRIES] = 28,
    [APPEND_ENTRIES_REPLY] = 21,
};

/* --- what is fine, to be sent or received ---
 *
 * A number below zero has its sign bit set, and so has then whatever it is put into by an or. */

static bool is_fine_request_vote(const struct request_vote *m)
{
    return (m->term | m->candidate_id | m->last_log_index | m->last_log_term) >= 0;
}

static bool is_fine_append_entries(const struct append_entries *m)
{
    return (m->term | m->leader_id | m->prev_log_index | m->prev_log_term | m->leader_commit) >= 0;
}

static bool is_fine_append_entries_reply(const struct append_entries_reply *m)
{
    return (m->term | m->follower_id | m->log_index | m->follower_commit) >= 0;
}

static bool is_fine(const struct message *m)
{
    switch (m->type) {
    case REQUEST_VOTE: return is_fine_request_vote(&m->request_vote);
    case REQUEST_VOTE_REPLY: return m->request_vote_reply.term >= 0;
    case APPEND_ENTRIES: return is_fine_append_entries(&m->append_entries);
    case APPEND_ENTRIES_REPLY: return is_fine_append_entries_reply(&m->append_entries_reply);
    default: return false;
    }
}

/* Adds the entries to the size of a payload.  False if one can't be sent, or it gets too large: it
 * stops there, so that the sum of sizes, each up to 2^32 - 1, has no time to overflow. */
static bool add_entries(const struct append_entries *m, uint64_t *payload_size)
{
    for (uint32_t i = 0; i < m->entry_count; i++) {
        if (m->entries[i].term < 0)
            return false;
        *payload_size += ENTRY_HEADER_SIZE + (uint64_t)m->entries[i].size;
        if (*payload_size > MESSAGE_LARGEST_PAYLOAD)
            return false;
    }
    return true;
}

static inline size_t size_of(const struct message *message)
{
    if (!is_fine(message))
        return 0;
    uint64_t payload_size = fixed_sizes[message->type];
    if (message->type == APPEND_ENTRIES && !add_entries(&message->append_entries, &payload_size))
        return 0;
    return MESSAGE_HEADER_SIZE + (size_t)payload_size;
}

size_t message_size(const struct message *message)
{
    return size_of(message);
}

/* --- bytes out: each returns the place behind what it put --- */

static uint8_t *put_i32(uint8_t *out, int32_t number)
{
    return put_u32(out, (uint32_t)number);
}

static uint8_t *put_flag(uint8_t *out, bool flag)
{
    *out = flag ? 1 : 0;
    return out + 1;
}

static void put_request_vote(uint8_t *restrict out, const struct request_vote *restrict m)
{
    out = put_i32(out, m->term);
    out = put_i32(out, m->candidate_id);
    out = put_i32(out, m->last_log_index);
    put_i32(out, m->last_log_term);
}

static void put_request_vote_reply(uint8_t *restrict out,
                                   const struct request_vote_reply *restrict m)
{
    out = put_i32(out, m->term);
    put_flag(out, m->vote_granted);
}

/* An empty entry may have no data: then there is nothing that memcpy might be given. */
static uint8_t *put_entry(uint8_t *restrict out, const struct log_entry *restrict entry)
{
    out = put_i32(out, entry->term);
    out = put_u32(out, entry->size);
    if (entry->size > 0)
        memcpy(out, entry->data, entry->size);
    return out + entry->size;
}

static void put_append_entries(uint8_t *restrict out, const struct append_entries *restrict m)
{
    out = put_i32(out, m->term);
    out = put_i32(out, m->leader_id);
    out = put_i32(out, m->prev_log_index);
    out = put_i32(out, m->prev_log_term);
    out = put_i32(out, m->leader_commit);
    out = put_u32(out, m->seq);
    out = put_u32(out, m->entry_count);
    for (uint32_t i = 0; i < m->entry_count; i++)
        out = put_entry(out, &m->entries[i]);
}

static void put_append_entries_reply(uint8_t *restrict out,
                                     const struct append_entries_reply *restrict m)
{
    out = put_i32(out, m->term);
    out = put_i32(out, m->follower_id);
    out = put_i32(out, m->log_index);
    out = put_flag(out, m->success);
    out = put_i32(out, m->follower_commit);
    put_u32(out, m->ack);
}

size_t message_encode(const struct message *message, uint8_t *out, size_t room)
{
    size_t size = size_of(message);

    if (size == 0 || size > room)
        return 0;
    out = put_u32(out, message->type);
    out = put_u32(out, (uint32_t)(size - MESSAGE_HEADER_SIZE));
    switch (message->type) {
    case REQUEST_VOTE: put_request_vote(out, &message->request_vote); break;
    case REQUEST_VOTE_REPLY: put_request_vote_reply(out, &message->request_vote_reply); break;
    case APPEND_ENTRIES: put_append_entries(out, &message->append_entries); break;
    case APPEND_ENTRIES_REPLY: put_append_entries_reply(out, &message->append_entries_reply); break;
    }
    return size;
}

/* --- bytes in --- */

/* The number at *in, which moves behind it.  (Gcc and clang convert as two's complement says.) */
static uint32_t take_u32(const uint8_t **in)
{
    *in += 4;
    return get_u32(*in - 4);
}

static int32_t take_i32(const uint8_t **in)
{
    return (int32_t)take_u32(in);
}

static uint8_t take_u8(const uint8_t **in)
{
    return *(*in)++;
}

struct message_reader {
    struct log_entry *entries; /* room for so many */
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

/* Rare: in the loop around it, it would take registers from the entries. */
__attribute__((noinline)) static int grow(struct message_reader *reader)
{
    size_t capacity = reader->capacity == 0 ? FIRST_CAPACITY : 2 * reader->capacity;
    struct log_entry *entries = realloc(reader->entries, capacity * sizeof *entries);

    if (entries == NULL)
        return -1;
    reader->entries = entries;
    reader->capacity = capacity;
    return 0;
}

/* All of len bytes: the number of entries is not believed, but found. */
static enum message_result take_entries(struct message_reader *reader, const uint8_t *in,
                                        size_t len, uint32_t count)
{
    uint32_t found = 0;

    for (; found < count && len >= ENTRY_HEADER_SIZE; found++) {
        struct log_entry entry;
        entry.term = take_i32(&in);
        entry.size = take_u32(&in);
        entry.data = in;
        len -= ENTRY_HEADER_SIZE;
        if (entry.term < 0 || entry.size > len)
            return MESSAGE_MALFORMED;
        if (found == reader->capacity && grow(reader) < 0)
            return MESSAGE_NO_MEMORY;
        reader->entries[found] = entry;
        in += entry.size;
        len -= entry.size;
    }
    return found == count && len == 0 ? MESSAGE_DONE : MESSAGE_MALFORMED;
}

/* What the header allows: payloads have one size each, but for the one that has entries. */
static bool is_payload_size(uint32_t type, uint32_t size)
{
    if (type < REQUEST_VOTE || type > APPEND_ENTRIES_REPLY)
        return false;
    if (type == APPEND_ENTRIES)
        return size >= fixed_sizes[type] && size <= MESSAGE_LARGEST_PAYLOAD;
    return size == fixed_sizes[type];
}

/* Each reads a whole payload, and changes *to only if all of it is right. */

static enum message_result take_request_vote(const uint8_t *in, struct request_vote *to)
{
    struct request_vote m;

    m.term = take_i32(&in);
    m.candidate_id = take_i32(&in);
    m.last_log_index = take_i32(&in);
    m.last_log_term = take_i32(&in);
    if (!is_fine_request_vote(&m))
        return MESSAGE_MALFORMED;
    *to = m;
    return MESSAGE_DONE;
}

static enum message_result take_request_vote_reply(const uint8_t *in, struct request_vote_reply *to)
{
    int32_t term = take_i32(&in);
    uint8_t vote_granted = take_u8(&in);

    if (term < 0 || vote_granted > 1)
        return MESSAGE_MALFORMED;
    *to = (struct request_vote_reply){term, vote_granted == 1};
    return MESSAGE_DONE;
}

static enum message_result take_append_entries(struct message_reader *reader, const uint8_t *in,
                                               size_t len, struct append_entries *to)
{
    struct append_entries m;

    m.term = take_i32(&in);
    m.leader_id = take_i32(&in);
    m.prev_log_index = take_i32(&in);
    m.prev_log_term = take_i32(&in);
    m.leader_commit = take_i32(&in);
    m.seq = take_u32(&in);
    m.entry_count = take_u32(&in);
    if (!is_fine_append_entries(&m))
        return MESSAGE_MALFORMED;
    enum message_result result =
        take_entries(reader, in, len - fixed_sizes[APPEND_ENTRIES], m.entry_count);
    if (result != MESSAGE_DONE)
        return result;
    m.entries = reader->entries;
    *to = m;
    return MESSAGE_DONE;
}

static enum message_result take_append_entries_reply(const uint8_t *in,
                                                     struct append_entries_reply *to)
{
    struct append_entries_reply m;

    m.term = take_i32(&in);
    m.follower_id = take_i32(&in);
    m.log_index = take_i32(&in);
    uint8_t success = take_u8(&in);
    m.success = success == 1;
    m.follower_commit = take_i32(&in);
    m.ack = take_u32(&in);
    if (!is_fine_append_entries_reply(&m) || success > 1)
        return MESSAGE_MALFORMED;
    *to = m;
    return MESSAGE_DONE;
}

static enum message_result take_payload(struct message_reader *reader, uint32_t type,
                                        const uint8_t *in, size_t len, struct message *m)
{
    switch (type) {
    case REQUEST_VOTE: return take_request_vote(in, &m->request_vote);
    case REQUEST_VOTE_REPLY: return take_request_vote_reply(in, &m->request_vote_reply);
    case APPEND_ENTRIES: return take_append_entries(reader, in, len, &m->append_entries);
    case APPEND_ENTRIES_REPLY: return take_append_entries_reply(in, &m->append_entries_reply);
    default: return MESSAGE_MALFORMED;
    }
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
    if (result == MESSAGE_DONE) {
        message->type = (enum message_type)type;
        *size = MESSAGE_HEADER_SIZE + payload_size;
    }
    return result;
}
