/* record.c - the bytes of record.h.
 *
 * A bit of a header may be wrong, or all of it; there may be zeros; and none of that may be taken
 * for a record.  Which of crc32.h's checksums covers what? */
#include "record.h"

#include "crc32.h"

#include <string.h>

/* Given: little-endian, whatever the machine is. */
static void put_u32(uint8_t *out, uint32_t number)
{
    for (int i = 0; i < 4; i++)
        out[i] = (uint8_t)(number >> (8 * i));
}

static uint32_t get_u32(const uint8_t *in)
{
    return in[0] | (uint32_t)in[1] << 8 | (uint32_t)in[2] << 16 | (uint32_t)in[3] << 24;
}

/* Stage 6.15: what else tells whose file this is, and that it is what it says? */
void record_file_header(const char *magic, int32_t id, uint8_t *out)
{
    (void)id;
    (void)put_u32;
    (void)crc32_update;
    memcpy(out, magic, RECORD_MAGIC_SIZE);
    /* Your code here. */
}

/* Stage 6.16: another version, another server, damage: which of them is looked at first? */
const char *record_file_complaint(const char *magic, int32_t id, const uint8_t *header)
{
    (void)magic;
    (void)id;
    (void)header;
    (void)get_u32;
    /* Your code here. */
    return NULL;
}

/* Stage 6.15. */
void record_header(const struct record *record, int64_t position, uint8_t *out)
{
    (void)record;
    (void)position;
    (void)out;
    /* Your code here. */
}

/* Stage 6.15: what is believed of these bytes, and why? */
bool record_read_header(const uint8_t *header, int64_t position, struct record *record)
{
    (void)header;
    (void)position;
    (void)record;
    /* Your code here. */
    return false;
}

/* Stage 6.15. */
bool record_is_whole(const uint8_t *header, const uint8_t *data, uint32_t size)
{
    (void)header;
    (void)data;
    (void)size;
    /* Your code here. */
    return false;
}
