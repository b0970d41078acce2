/* record.h - the bytes of what storage.c keeps: the header of a file, and a record of the log.
 * All integers are little-endian; a checksum is the CRC-32 of crc32.h.
 *
 *     header   8 bytes magic | u32 version | i32 id of the server | u32 checksum of these 16 bytes
 *     record   u32 checksum of the record's position in the file, as u64, and of the next 28 bytes
 *              u32 checksum of the data
 *              u32 kind | i32 number | i32 term | u32 size | u64 flushed | size bytes of data
 *
 * The first checksum covers the lengths, so they can be believed before the data is there.  And it
 * covers the position: bytes of a record inside another one's data are no record. */
#ifndef RECORD_H
#define RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RECORD_VERSION = 1, RECORD_MAGIC_SIZE = 8 };
enum { RECORD_FILE_HEADER_SIZE = 20, RECORD_HEADER_SIZE = 32 };

/* Writes RECORD_FILE_HEADER_SIZE bytes. */
void record_file_header(const char *magic, int32_t id, uint8_t *out);

/* What is wrong with those bytes, as words behind a file's name; NULL for nothing. */
const char *record_file_complaint(const char *magic, int32_t id, const uint8_t *header);

/* A vote: the number is the candidate's id.  An entry: it is the index. */
enum record_kind { RECORD_VOTE = 1, RECORD_ENTRY };
struct record {
    enum record_kind kind;
    int32_t number, term;
    uint32_t size;
    int64_t flushed; /* all before this position was flushed before the record was written */
    const uint8_t *data;
};

/* Writes RECORD_HEADER_SIZE bytes, behind which the data belongs. */
void record_header(const struct record *record, int64_t position, uint8_t *out);

/* False if these bytes are no record's at this position; else *record, without its data. */
bool record_read_header(const uint8_t *header, int64_t position, struct record *record);

/* Whether data is the record's, which has that header. */
bool record_is_whole(const uint8_t *header, const uint8_t *data, uint32_t size);

#endif
