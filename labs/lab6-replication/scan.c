/* scan.c - which records of a log are good, where it ends, and whether a crash can have left it so.
 *
 * Somewhere a record is not whole.  Was it the last one that a crash cut, or was it synced once, and
 * something else has changed it since?  What would have to lie behind it, to tell?  Write here which
 * damage your code sees, and which it can't. */
#include "scan.h"

#include "record.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* For "return fail(error, ...);". */
#define fail(error, ...) (snprintf((error)->words, sizeof(error)->words, __VA_ARGS__), -1)

/* Stage 6.15: from the first record to where there is none.  An entry drops all from its index on:
 * what does the reader make of that?  Stage 6.16: an index that can't come next; a size of 4 GiB in
 * a file of 100 bytes. */
int scan_log(struct scan *scan, int fd, struct scan_error *error)
{
    *scan = (struct scan){.file = {.fd = fd}, .end = RECORD_FILE_HEADER_SIZE};
    /* Your code here. */
    return fail(error, "can't be read yet");
}

/* Stage 6.15: how does it find the entry without reading those before it once more? */
int scan_entry(struct scan *scan, int32_t index, struct log_entry *entry, struct scan_error *error)
{
    (void)scan;
    (void)entry;
    /* Your code here. */
    return fail(error, "has no entry %d", index);
}

void scan_free(struct scan *scan)
{
    free(scan->places);
    free(scan->file.data);
    *scan = (struct scan){0};
}
