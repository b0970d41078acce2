/* journal.c - the formats of journal.h. */
#include "journal.h"

#include "crc32.h"

#include <endian.h>
#include <string.h>

enum { MAGIC_SIZE = 8, SALT_SIZE = 8 };

static void put_u32(uint8_t *out, uint32_t number)
{
    number = htole32(number);
    memcpy(out, &number, sizeof number);
}

static void put_u64(uint8_t *out, uint64_t number)
{
    number = htole64(number);
    memcpy(out, &number, sizeof number);
}

static uint32_t get_u32(const uint8_t *in)
{
    uint32_t number;

    memcpy(&number, in, sizeof number);
    return le32toh(number);
}

static uint64_t get_u64(const uint8_t *in)
{
    uint64_t number;

    memcpy(&number, in, sizeof number);
    return le64toh(number);
}

/* --- heads --- */

void journal_write_head(uint8_t out[JOURNAL_HEAD_SIZE], const char *magic,
                        const struct journal_head *head)
{
    memcpy(out, magic, MAGIC_SIZE);
    put_u32(out + 8, JOURNAL_VERSION);
    put_u32(out + 12, (uint32_t)head->id);
    put_u64(out + 16, head->salt);
    put_u32(out + 24, crc32_of(0, out, 24));
}

/* What another version has behind its number is not known, so the checksum is asked last. */
enum journal_head_result journal_read_head(const uint8_t in[JOURNAL_HEAD_SIZE], const char *magic,
                                           struct journal_head *head, uint32_t *version)
{
    *version = 0;
    if (memcmp(in, magic, MAGIC_SIZE) != 0)
        return JOURNAL_HEAD_FOREIGN;
    *version = get_u32(in + 8);
    if (*version != JOURNAL_VERSION)
        return JOURNAL_HEAD_FOREIGN;
    head->id = (int32_t)get_u32(in + 12);
    head->salt = get_u64(in + 16);
    return get_u32(in + 24) == crc32_of(0, in, 24) ? JOURNAL_HEAD_GOOD : JOURNAL_HEAD_BAD;
}

/* --- records --- */

static uint32_t checksum_of_header(const uint8_t header[JOURNAL_HEADER_SIZE], uint64_t salt)
{
    uint8_t bytes[SALT_SIZE];

    put_u64(bytes, salt);
    return crc32_of(crc32_of(0, bytes, sizeof bytes), header + 4, JOURNAL_HEADER_SIZE - 4);
}

void journal_write_header(uint8_t out[JOURNAL_HEADER_SIZE], uint64_t salt, uint64_t place,
                          const struct journal_record *record)
{
    put_u32(out + 4, crc32_of(0, record->data, record->size));
    put_u64(out + 8, place);
    put_u32(out + 16, record->kind);
    put_u32(out + 20, (uint32_t)record->term);
    put_u32(out + 24, (uint32_t)record->number);
    put_u32(out + 28, record->size);
    put_u32(out, checksum_of_header(out, salt));
}

static bool is_header(const struct journal_bytes *journal, size_t place)
{
    const uint8_t *header = journal->bytes + place;

    return journal->len - place >= JOURNAL_HEADER_SIZE && get_u64(header + 8) == place &&
           get_u32(header) == checksum_of_header(header, journal->salt);
}

/* A crash keeps a beginning of what was written, so behind what it tore there is nothing good. */
static enum journal_result judge_rest(const struct journal_bytes *journal, size_t place)
{
    for (; place < journal->len && journal->len - place >= JOURNAL_HEADER_SIZE; place++) {
        if (is_header(journal, place))
            return JOURNAL_DAMAGED;
    }
    return JOURNAL_TORN;
}

enum journal_result journal_read(const struct journal_bytes *journal, size_t place,
                                 struct journal_record *record)
{
    const uint8_t *header = journal->bytes + place, *data = header + JOURNAL_HEADER_SIZE;

    if (!is_header(journal, place))
        return judge_rest(journal, place + 1);
    uint32_t size = get_u32(header + 28);
    if (size > journal->len - place - JOURNAL_HEADER_SIZE)
        return JOURNAL_TORN;
    if (get_u32(header + 4) != crc32_of(0, data, size))
        return judge_rest(journal, place + JOURNAL_HEADER_SIZE + size);
    *record = (struct journal_record){
        .kind = (enum journal_kind)get_u32(header + 16),
        .term = (int32_t)get_u32(header + 20),
        .number = (int32_t)get_u32(header + 24),
        .size = size,
        .data = data,
    };
    return JOURNAL_RECORD;
}
