/* codec_memcpy.c - a peer: the fields copied one by one, in this machine's byte order, and nothing
 * checked.  So it is no codec for bytes of strangers, but a measure of what checks cost. */
#include "codec_bench.h"

#include <string.h>

static struct append_entries sent, received;
static struct log_entry entries[MOST_ENTRIES];

static bool prepare(const struct append_entries *m)
{
    sent = *m;
    return true;
}

static uint8_t *encode_entry(const struct log_entry *e, uint8_t *out)
{
    memcpy(out, &e->term, 4);
    memcpy(out + 4, &e->size, 4);
    memcpy(out + 8, e->data, e->size);
    return out + 8 + e->size;
}

static size_t encode(uint8_t *out, size_t room)
{
    uint8_t *next = out + MESSAGE_HEADER_SIZE;
    uint32_t type = APPEND_ENTRIES, payload_size;

    (void)room;
    memcpy(next, &sent.term, 4);
    memcpy(next + 4, &sent.leader_id, 4);
    memcpy(next + 8, &sent.prev_log_index, 4);
    memcpy(next + 12, &sent.prev_log_term, 4);
    memcpy(next + 16, &sent.leader_commit, 4);
    memcpy(next + 20, &sent.seq, 4);
    memcpy(next + 24, &sent.entry_count, 4);
    next += 28;
    for (uint32_t i = 0; i < sent.entry_count; i++)
        next = encode_entry(&sent.entries[i], next);
    payload_size = (uint32_t)(next - out) - MESSAGE_HEADER_SIZE;
    memcpy(out, &type, 4);
    memcpy(out + 4, &payload_size, 4);
    return (size_t)(next - out);
}

static const uint8_t *decode_entry(const uint8_t *in, struct log_entry *e)
{
    memcpy(&e->term, in, 4);
    memcpy(&e->size, in + 4, 4);
    e->data = in + 8;
    return in + 8 + e->size;
}

static bool decode(const uint8_t *in, size_t len)
{
    const uint8_t *next = in + MESSAGE_HEADER_SIZE;

    (void)len;
    memcpy(&received.term, next, 4);
    memcpy(&received.leader_id, next + 4, 4);
    memcpy(&received.prev_log_index, next + 8, 4);
    memcpy(&received.prev_log_term, next + 12, 4);
    memcpy(&received.leader_commit, next + 16, 4);
    memcpy(&received.seq, next + 20, 4);
    memcpy(&received.entry_count, next + 24, 4);
    next += 28;
    for (uint32_t i = 0; i < received.entry_count; i++)
        next = decode_entry(next, &entries[i]);
    received.entries = entries;
    return true;
}

static void decoded(struct append_entries *m)
{
    *m = received;
}

const struct codec codec = {prepare, encode, decode, decoded};
