/* scan.h - the log of storage.c, read from its first record to its last. */
#ifndef SCAN_H
#define SCAN_H

#include "disk.h"
#include "message.h"

struct scan {
    struct disk_window file;
    int64_t end;             /* of the last good record: what lies behind is to be cut off */
    int32_t term, voted_for; /* as saved last */
    int32_t count;           /* of entries, and where their records are */
    int64_t *places;
    size_t room;
};

/* What went wrong, as words behind the file's name. */
struct scan_error {
    char words[80];
};

/* Of the file fd.  -1 with *error: it can't be read, or is damaged. */
int scan_log(struct scan *scan, int fd, struct scan_error *error);

/* An entry, from 1 to count, lent until the next call. */
int scan_entry(struct scan *scan, int32_t index, struct log_entry *entry, struct scan_error *error);

void scan_free(struct scan *scan);

#endif
