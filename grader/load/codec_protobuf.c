/* codec_protobuf.c - a peer: protobuf-c, with append_entries.proto. */
#include "append_entries.pb-c.h"
#include "codec_bench.h"

static AppendEntries sent, *received;
static LogEntry sent_entries[MOST_ENTRIES], *places[MOST_ENTRIES];
static struct log_entry entries[MOST_ENTRIES];

static void prepare_entry(const struct log_entry *e, LogEntry *entry)
{
    log_entry__init(entry);
    entry->term = e->term;
    entry->data = (ProtobufCBinaryData){e->size, (uint8_t *)e->data};
}

static bool prepare(const struct append_entries *m)
{
    append_entries__init(&sent);
    sent.term = m->term;
    sent.leader_id = m->leader_id;
    sent.prev_log_index = m->prev_log_index;
    sent.prev_log_term = m->prev_log_term;
    sent.leader_commit = m->leader_commit;
    sent.seq = m->seq;
    for (uint32_t i = 0; i < m->entry_count; i++) {
        prepare_entry(&m->entries[i], &sent_entries[i]);
        places[i] = &sent_entries[i];
    }
    sent.n_entries = m->entry_count;
    sent.entries = places;
    return true;
}

/* append_entries__pack checks no room: a sender has to ask for the size before. */
static size_t encode(uint8_t *out, size_t room)
{
    if (append_entries__get_packed_size(&sent) > room)
        return 0;
    return append_entries__pack(&sent, out);
}

static bool decode(const uint8_t *in, size_t len)
{
    append_entries__free_unpacked(received, NULL);
    received = append_entries__unpack(NULL, len, in);
    return received != NULL;
}

static void decoded(struct append_entries *m)
{
    for (size_t i = 0; i < received->n_entries; i++) {
        const LogEntry *entry = received->entries[i];
        entries[i] = (struct log_entry){entry->term, (uint32_t)entry->data.len, entry->data.data};
    }
    *m = (struct append_entries){received->term,
                                 received->leader_id,
                                 received->prev_log_index,
                                 received->prev_log_term,
                                 received->leader_commit,
                                 received->seq,
                                 (uint32_t)received->n_entries,
                                 entries};
}

const struct codec codec = {prepare, encode, decode, decoded};
