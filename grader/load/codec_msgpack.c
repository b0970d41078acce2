/* codec_msgpack.c - a peer: msgpack-c.  The message is an array of its fields, an entry an array of
 * two.  A decoded one is a tree of objects, whose fields are then taken out. */
#include "codec_bench.h"

#include <msgpack.h>
#include <string.h>

enum { FIELDS = 7, ENTRY_FIELDS = 2 };

/* A buffer of the caller's, as the others have. */
struct fixed {
    uint8_t *next, *end;
};

static struct append_entries sent, received;
static struct log_entry entries[MOST_ENTRIES];
static msgpack_unpacked unpacked;

static bool prepare(const struct append_entries *m)
{
    sent = *m;
    msgpack_unpacked_init(&unpacked);
    return true;
}

static int append(void *context, const char *bytes, size_t len)
{
    struct fixed *buffer = context;

    if ((size_t)(buffer->end - buffer->next) < len)
        return -1;
    memcpy(buffer->next, bytes, len);
    buffer->next += len;
    return 0;
}

static int pack_entry(msgpack_packer *packer, const struct log_entry *e)
{
    int failed = msgpack_pack_array(packer, ENTRY_FIELDS);

    failed |= msgpack_pack_int32(packer, e->term);
    failed |= msgpack_pack_bin(packer, e->size);
    return failed | msgpack_pack_bin_body(packer, e->data, e->size);
}

static size_t encode(uint8_t *out, size_t room)
{
    struct fixed buffer = {out, out + room};
    msgpack_packer packer;

    msgpack_packer_init(&packer, &buffer, append);
    int failed = msgpack_pack_array(&packer, FIELDS);
    failed |= msgpack_pack_int32(&packer, sent.term);
    failed |= msgpack_pack_int32(&packer, sent.leader_id);
    failed |= msgpack_pack_int32(&packer, sent.prev_log_index);
    failed |= msgpack_pack_int32(&packer, sent.prev_log_term);
    failed |= msgpack_pack_int32(&packer, sent.leader_commit);
    failed |= msgpack_pack_uint32(&packer, sent.seq);
    failed |= msgpack_pack_array(&packer, sent.entry_count);
    for (uint32_t i = 0; i < sent.entry_count; i++)
        failed |= pack_entry(&packer, &sent.entries[i]);
    return failed ? 0 : (size_t)(buffer.next - out);
}

static void take_entries(const msgpack_object_array *array)
{
    for (uint32_t i = 0; i < array->size; i++) {
        const msgpack_object *e = array->ptr[i].via.array.ptr;
        entries[i] = (struct log_entry){(int32_t)e[0].via.i64, e[1].via.bin.size,
                                        (const uint8_t *)e[1].via.bin.ptr};
    }
}

static bool decode(const uint8_t *in, size_t len)
{
    size_t offset = 0;

    if (msgpack_unpack_next(&unpacked, (const char *)in, len, &offset) != MSGPACK_UNPACK_SUCCESS)
        return false;
    const msgpack_object *o = unpacked.data.via.array.ptr;
    received = (struct append_entries){(int32_t)o[0].via.i64, (int32_t)o[1].via.i64,
                                       (int32_t)o[2].via.i64, (int32_t)o[3].via.i64,
                                       (int32_t)o[4].via.i64, (uint32_t)o[5].via.u64,
                                       o[6].via.array.size,   entries};
    take_entries(&o[6].via.array);
    return true;
}

static void decoded(struct append_entries *m)
{
    *m = received;
}

const struct codec codec = {prepare, encode, decode, decoded};
