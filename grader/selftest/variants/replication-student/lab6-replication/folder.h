/* folder.h - the folder that storage.c keeps its files in: the file server, which says whose it is,
 * and the file journal.
 *
 * The file server is made last, when the journal is there and flushed.  So where it is, the journal
 * must be; and where it is not, the folder is new, or a crash ended its making, and nothing was
 * promised yet: then the journal has no records. */
#ifndef FOLDER_H
#define FOLDER_H

#include "storage.h"

#include <sys/types.h>

/* For "return folder_fail(error, ...);". */
#define folder_fail(error, ...) (snprintf((error)->text, sizeof(error)->text, __VA_ARGS__), -1)

struct folder {
    const char *name; /* the caller sets this, and the next two */
    int32_t id;
    bool does_flush;
    int self, journal; /* descriptors, or -1 */
    uint64_t salt;     /* of the journal */
};

/* Opens it, makes it if it is new, and keeps other processes out until folder_close. */
int folder_open(struct folder *folder, struct storage_error *error);
void folder_close(struct folder *folder);

/* -1 with *error, which has the name of the file: an errno, by a call on it. */
int folder_fail_call(const struct folder *folder, const char *file, const char *call,
                     struct storage_error *error);

/* All of it, at an offset; to read gives less at the end of the file only.  -1 with errno. */
ssize_t folder_read_all(int fd, void *data, size_t len, off_t offset);
int folder_write_all(int fd, const void *data, size_t len, off_t offset);

#endif
