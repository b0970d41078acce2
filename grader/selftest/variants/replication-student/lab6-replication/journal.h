/* journal.h - the bytes of the files in a server's folder.
 *
 * All numbers are little-endian.  Two files begin with a head, and one has nothing else:
 *
 *     offset  bytes
 *      0       8     "RAFTSRVR" (the file server), or "RAFTJRNL" (the file journal)
 *      8       4     the version, 1
 *     12       4     the id of the server
 *     16       8     the salt: random, the same in both files
 *     24       4     CRC-32 of the 24 bytes before
 *
 * After the head, a journal is records, each a header and its data:
 *
 *      0       4     CRC-32 of the salt and of the 28 bytes that follow
 *      4       4     CRC-32 of the data
 *      8       8     the place of this record: its offset in the file
 *     16       4     the kind: 1 vote, 2 entry
 *     20       4     the term: of the vote; of the entry
 *     24       4     for whom the vote is; the index of the entry
 *     28       4     the size of the data: of an entry, else 0
 *
 * A later record overrules earlier ones: a vote the vote, an entry all entries from its index on.
 * The header has a checksum of its own, so its size can be relied on though the data is torn.  It
 * knows its place, and the salt is known to nobody else: so bytes that a client sent, which look
 * like a record, are none. */
#ifndef JOURNAL_H
#define JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { JOURNAL_VERSION = 1, JOURNAL_HEAD_SIZE = 28, JOURNAL_HEADER_SIZE = 32 };

#define JOURNAL_SERVER_MAGIC "RAFTSRVR"
#define JOURNAL_MAGIC "RAFTJRNL"

struct journal_head {
    int32_t id;
    uint64_t salt;
};

enum journal_head_result { JOURNAL_HEAD_GOOD, JOURNAL_HEAD_FOREIGN, JOURNAL_HEAD_BAD };

/* FOREIGN: of another version, which is set; or no such file at all, and version is 0. */
void journal_write_head(uint8_t out[JOURNAL_HEAD_SIZE], const char *magic,
                        const struct journal_head *head);
enum journal_head_result journal_read_head(const uint8_t in[JOURNAL_HEAD_SIZE], const char *magic,
                                           struct journal_head *head, uint32_t *version);

enum journal_kind { JOURNAL_VOTE = 1, JOURNAL_ENTRY };

struct journal_record {
    enum journal_kind kind;
    int32_t term, number; /* number: for whom the vote is, or the index */
    uint32_t size;
    const uint8_t *data;
};

void journal_write_header(uint8_t out[JOURNAL_HEADER_SIZE], uint64_t salt, uint64_t place,
                          const struct journal_record *record);

/* A whole file, in memory. */
struct journal_bytes {
    const uint8_t *bytes;
    size_t len;
    uint64_t salt;
};

enum journal_result {
    JOURNAL_RECORD,
    JOURNAL_TORN,    /* a crash can have left this end */
    JOURNAL_DAMAGED, /* none can: there are good records behind */
};

/* The record at a place before the end. */
enum journal_result journal_read(const struct journal_bytes *journal, size_t place,
                                 struct journal_record *record);

#endif
