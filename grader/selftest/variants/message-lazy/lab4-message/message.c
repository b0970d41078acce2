/* message.c - the codec, in no hurry: a payload is looked at when all of it is there, and not before.
 *
 * Then it is gone over twice: to see that it is right, and to fill an array of just so many entries
 * as there are. */
#include "message_reader.h"

#include "bytes.h"

#include <stdlib.h>

enum {
    VOTE_SIZE = 16,
    VOTE_REPLY_SIZE = 5,
    APPEND_SIZE = 28, /* without its entries */
    APPEND_REPLY_SIZE = 21,
    ENTRY_SIZE = 8, /* without its data */
};

/* --- what may be sent, and be received --- */

/* All but entries. */
static bool is_fine(const struct message *m)
{
    const struct request_vote *vote = &m->request_vote;
    const struct append_entries *append = &m->append_entries;
    const struct append_entries_reply *reply = &m->append_entries_reply;

    switch (m->type) {
    case REQUEST_VOTE:
        return vote->term >= 0 && vote->candidate_id >= 0 && vote->last_log_index >= 0 &&
               vote->last_log_term >= 0;
    case REQUEST_VOTE_REPLY: return m->request_vote_reply.term >= 0;
    case APPEND_ENTRIES:
        return append->term >= 0 && append->leader_id >= 0 && append->prev_log_index >= 0 &&
               append->prev_log_term >= 0 && append->leader_commit >= 0;
    case APPEND_ENTRIES_REPLY:
        return reply->term >= 0 && reply->follower_id >= 0 && reply->log_index >= 0 &&
               reply->follower_commit >= 0;
    default: return false;
    }
}

/* --- bytes out --- */

/* 0: too many bytes, or a negative term. */
static size_t append_size(const struct append_entries *m)
{
    size_t size = APPEND_SIZE;

    for (uint32_t i = 0; i < m->entry_count; i++) {
        size_t left = MESSAGE_LARGEST_PAYLOAD - size;
        if (m->entries[i].term < 0 || left < ENTRY_SIZE || m->entries[i].size > left - ENTRY_SIZE)
            return 0;
        size += ENTRY_SIZE + m->entries[i].size;
    }
    return size;
}

static size_t payload_size(const struct message *m)
{
    switch (m->type) {
    case REQUEST_VOTE: return VOTE_SIZE;
    case REQUEST_VOTE_REPLY: return VOTE_REPLY_SIZE;
    case APPEND_ENTRIES: return append_size(&m->append_entries);
    case APPEND_ENTRIES_REPLY: return APPEND_REPLY_SIZE;
    default: return 0;
    }
}

size_t message_size(const struct message *message)
{
    size_t size = is_fine(message) ? payload_size(message) : 0;

    return size == 0 ? 0 : MESSAGE_HEADER_SIZE + size;
}

static uint8_t *put_i32(uint8_t *out, int32_t number)
{
    return put_u32(out, (uint32_t)number);
}

static uint8_t *put_flag(uint8_t *out, bool flag)
{
    *out = flag ? 1 : 0;
    return out + 1;
}

static void put_vote(uint8_t *out, const struct request_vote *m)
{
    out = put_i32(out, m->term);
    out = put_i32(out, m->candidate_id);
    out = put_i32(out, m->last_log_index);
    put_i32(out, m->last_log_term);
}

static uint8_t *put_entry(uint8_t *out, const struct log_entry *entry)
{
    out = put_i32(out, entry->term);
    out = put_u32(out, entry->size);
    for (uint32_t i = 0; i < entry->size; i++)
        *out++ = entry->data[i];
    return out;
}

static void put_append(uint8_t *out, const struct append_entries *m)
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

static void put_append_reply(uint8_t *out, const struct append_entries_reply *m)
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
    size_t size = message_size(message);

    if (size == 0 || size > room)
        return 0;
    out = put_u32(out, message->type);
    out = put_u32(out, (uint32_t)(size - MESSAGE_HEADER_SIZE));
    switch (message->type) {
    case REQUEST_VOTE: put_vote(out, &message->request_vote); break;
    case REQUEST_VOTE_REPLY:
        put_flag(put_i32(out, message->request_vote_reply.term),
                 message->request_vote_reply.vote_granted);
        break;
    case APPEND_ENTRIES: put_append(out, &message->append_entries); break;
    case APPEND_ENTRIES_REPLY: put_append_reply(out, &message->append_entries_reply); break;
    }
    return size;
}

/* --- bytes in --- */

struct message_reader {
    struct log_entry *entries; /* of the last message */
};

struct message_reader *message_reader_new(void)
{
    return calloc(1, sizeof(struct message_reader));
}

static void drop_entries(struct message_reader *reader)
{
    free(reader->entries);
    reader->entries = NULL;
}

void message_reader_free(struct message_reader *reader)
{
    if (reader == NULL)
        return;
    drop_entries(reader);
    free(reader);
}

/* Of 29 to 35 bytes the count tells. */
static bool is_size(uint32_t type, uint32_t size)
{
    switch (type) {
    case REQUEST_VOTE: return size == VOTE_SIZE;
    case REQUEST_VOTE_REPLY: return size == VOTE_REPLY_SIZE;
    case APPEND_ENTRIES: return size >= APPEND_SIZE && size <= MESSAGE_LARGEST_PAYLOAD;
    case APPEND_ENTRIES_REPLY: return size == APPEND_REPLY_SIZE;
    default: return false;
    }
}

static bool get_flag(uint8_t byte, bool *flag)
{
    *flag = byte == 1;
    return byte <= 1;
}

static struct request_vote get_vote(const uint8_t *in)
{
    return (struct request_vote){get_i32(in), get_i32(in + 4), get_i32(in + 8), get_i32(in + 12)};
}

static struct append_entries get_append(const uint8_t *in)
{
    return (struct append_entries){
        .term = get_i32(in),
        .leader_id = get_i32(in + 4),
        .prev_log_index = get_i32(in + 8),
        .prev_log_term = get_i32(in + 12),
        .leader_commit = get_i32(in + 16),
        .seq = get_u32(in + 20),
        .entry_count = get_u32(in + 24),
    };
}

static struct append_entries_reply get_append_reply(const uint8_t *in)
{
    return (struct append_entries_reply){
        .term = get_i32(in),
        .follower_id = get_i32(in + 4),
        .log_index = get_i32(in + 8),
        .follower_commit = get_i32(in + 13),
        .ack = get_u32(in + 17),
    };
}

/* All but entries. */
static bool get_message(uint32_t type, const uint8_t *in, struct message *m)
{
    bool flag_is_fine = true;

    m->type = (enum message_type)type;
    switch (m->type) {
    case REQUEST_VOTE: m->request_vote = get_vote(in); break;
    case REQUEST_VOTE_REPLY:
        m->request_vote_reply.term = get_i32(in);
        flag_is_fine = get_flag(in[4], &m->request_vote_reply.vote_granted);
        break;
    case APPEND_ENTRIES: m->append_entries = get_append(in); break;
    case APPEND_ENTRIES_REPLY:
        m->append_entries_reply = get_append_reply(in);
        flag_is_fine = get_flag(in[12], &m->append_entries_reply.success);
        break;
    }
    return flag_is_fine && is_fine(m);
}

/* Whether left bytes are just so many entries. */
static bool are_entries(const uint8_t *in, size_t left, uint32_t count)
{
    for (; count > 0; count--) {
        if (left < ENTRY_SIZE || get_i32(in) < 0 || get_u32(in + 4) > left - ENTRY_SIZE)
            return false;
        size_t size = ENTRY_SIZE + get_u32(in + 4);
        in += size;
        left -= size;
    }
    return left == 0;
}

/* They are right, and all there. */
static bool get_entries(struct message_reader *reader, const uint8_t *in, uint32_t count)
{
    reader->entries = calloc(count, sizeof *reader->entries);
    if (reader->entries == NULL)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        reader->entries[i] = (struct log_entry){get_i32(in), get_u32(in + 4), in + ENTRY_SIZE};
        in += ENTRY_SIZE + reader->entries[i].size;
    }
    return true;
}

static enum message_result read_payload(struct message_reader *reader, uint32_t type,
                                        const uint8_t *in, size_t len, struct message *m)
{
    if (!get_message(type, in, m))
        return MESSAGE_MALFORMED;
    if (type != APPEND_ENTRIES)
        return MESSAGE_DONE;
    uint32_t count = m->append_entries.entry_count;
    in += APPEND_SIZE;
    if (!are_entries(in, len - APPEND_SIZE, count))
        return MESSAGE_MALFORMED;
    if (count > 0 && !get_entries(reader, in, count))
        return MESSAGE_NO_MEMORY;
    m->append_entries.entries = reader->entries;
    return MESSAGE_DONE;
}

enum message_result message_read(struct message_reader *reader, const uint8_t *window, size_t len,
                                 struct message *message, size_t *size)
{
    struct message found;

    drop_entries(reader);
    if (len < MESSAGE_HEADER_SIZE)
        return MESSAGE_MORE;
    uint32_t type = get_u32(window), payload = get_u32(window + 4);
    if (!is_size(type, payload))
        return MESSAGE_MALFORMED;
    if (len - MESSAGE_HEADER_SIZE < payload)
        return MESSAGE_MORE;
    enum message_result result =
        read_payload(reader, type, window + MESSAGE_HEADER_SIZE, payload, &found);
    if (result == MESSAGE_DONE) {
        *message = found;
        *size = MESSAGE_HEADER_SIZE + payload;
    }
    return result;
}
