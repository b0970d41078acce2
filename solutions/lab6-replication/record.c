/* record.c - the bytes of record.h. */
#include "record.h"

#include "crc32.h"

#include <string.h>

/* Where the parts are. */
enum { VERSION_AT = 8, ID_AT = 12, SUM_AT = 16 };
enum { DATA_SUM_AT = 4, KIND_AT = 8, NUMBER_AT = 12, TERM_AT = 16, SIZE_AT = 20, FLUSHED_AT = 24 };

static void put_u32(uint8_t *out, uint32_t number)
{
    for (int i = 0; i < 4; i++)
        out[i] = (uint8_t)(number >> (8 * i));
}

static uint32_t get_u32(const uint8_t *in)
{
    return in[0] | (uint32_t)in[1] << 8 | (uint32_t)in[2] << 16 | (uint32_t)in[3] << 24;
}

void record_file_header(const char *magic, int32_t id, uint8_t *out)
{
    memcpy(out, magic, RECORD_MAGIC_SIZE);
    put_u32(out + VERSION_AT, RECORD_VERSION);
    put_u32(out + ID_AT, (uint32_t)id);
    put_u32(out + SUM_AT, crc32_update(0, out, SUM_AT));
}

/* The version comes first: what stands behind it, another one may have elsewhere. */
const char *record_file_complaint(const char *magic, int32_t id, const uint8_t *header)
{
    if (memcmp(header, magic, RECORD_MAGIC_SIZE) != 0)
        return "is damaged, or no such file at all: its first bytes are wrong";
    if (get_u32(header + VERSION_AT) != RECORD_VERSION)
        return "has a version that is not known here, or is damaged";
    if (get_u32(header + SUM_AT) != crc32_update(0, header, SUM_AT))
        return "is damaged: the checksum of its header is wrong";
    if ((int32_t)get_u32(header + ID_AT) != id)
        return "is another server's";
    return NULL;
}

static void put_u64(uint8_t *out, uint64_t number)
{
    put_u32(out, (uint32_t)number);
    put_u32(out + 4, (uint32_t)(number >> 32));
}

static uint64_t get_u64(const uint8_t *in)
{
    return get_u32(in) | (uint64_t)get_u32(in + 4) << 32;
}

static uint32_t header_sum(const uint8_t *header, int64_t position)
{
    uint8_t bytes[8];

    put_u64(bytes, (uint64_t)position);
    return crc32_update(crc32_update(0, bytes, sizeof bytes), header + DATA_SUM_AT,
                        RECORD_HEADER_SIZE - DATA_SUM_AT);
}

void record_header(const struct record *record, int64_t position, uint8_t *out)
{
    put_u32(out + DATA_SUM_AT, crc32_update(0, record->data, record->size));
    put_u32(out + KIND_AT, record->kind);
    put_u32(out + NUMBER_AT, (uint32_t)record->number);
    put_u32(out + TERM_AT, (uint32_t)record->term);
    put_u32(out + SIZE_AT, record->size);
    put_u64(out + FLUSHED_AT, (uint64_t)record->flushed);
    put_u32(out, header_sum(out, position));
}

bool record_read_header(const uint8_t *header, int64_t position, struct record *record)
{
    uint32_t kind = get_u32(header + KIND_AT);

    if ((kind != RECORD_VOTE && kind != RECORD_ENTRY) ||
        get_u32(header) != header_sum(header, position))
        return false;
    *record = (struct record){
        .kind = kind,
        .number = (int32_t)get_u32(header + NUMBER_AT),
        .term = (int32_t)get_u32(header + TERM_AT),
        .size = get_u32(header + SIZE_AT),
        .flushed = (int64_t)get_u64(header + FLUSHED_AT),
    };
    return true;
}

bool record_is_whole(const uint8_t *header, const uint8_t *data, uint32_t size)
{
    return get_u32(header + DATA_SUM_AT) == crc32_update(0, data, size);
}
