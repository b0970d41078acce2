/* record.h - the bytes of what storage.c keeps: the header of a file, and a record of the log.
 *
 * Draw both here, byte for byte, as you would for somebody who has to read such a file without your
 * program.  What has to be known before the data is read, and what if just that is wrong?  Data is
 * what clients sent: what if it holds the bytes of a record?
 *
 *     Your layout here. */
#ifndef RECORD_H
#define RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RECORD_VERSION = 1, RECORD_MAGIC_SIZE = 8 };

/* Those of your layout. */
enum { RECORD_FILE_HEADER_SIZE = RECORD_MAGIC_SIZE, RECORD_HEADER_SIZE = 0 };

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
    const uint8_t *data;
};

/* Writes RECORD_HEADER_SIZE bytes, behind which the data belongs.  position: in the file. */
void record_header(const struct record *record, int64_t position, uint8_t *out);

/* False if these bytes are no record's at this position; else *record, without its data. */
bool record_read_header(const uint8_t *header, int64_t position, struct record *record);

/* Whether data is the record's, which has that header. */
bool record_is_whole(const uint8_t *header, const uint8_t *data, uint32_t size);

#endif
