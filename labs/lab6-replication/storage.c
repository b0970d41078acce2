/* storage.c - the folder of storage.h.
 *
 * Design the files before you write a line, and describe them here, byte for byte.  Some questions:
 *
 * - One file that only grows, or several that replace each other?  What is there when the power
 *   fails in the middle of each step?
 * - Term and vote, and entries: are they flushed by the same fdatasync(2)?
 * - A record was cut by a crash.  How do you see that, when you read it, and what must become of it
 *   before anything is written behind it?
 * - One bit of a length is wrong.  What does your program do then, and how does it know?
 * - A bad record is the last one, or good ones follow.  Which of them did a crash leave?
 * - A file is missing.  Did it never exist, or was it lost?
 * - Who flushes the name of a new file, and that of a new folder?
 *
 * disk.c, record.c and scan.c are one way to divide the work: calls that are made whole, bytes, and
 * a file that is read at the start.  If your design is another one, so are your files. */
#include "storage.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct storage {
    int32_t term, voted_for, count;
    bool does_flush;
    /* What else has to be known between two calls?  Your code here. */
};

/* For "return fail(error, ...);": say which file it is, and strerror(errno) where a call failed. */
#define fail(error, ...) (snprintf((error)->text, sizeof(error)->text, __VA_ARGS__), -1)

/* Keeps other processes out (flock(2)): until when does a lock last, and what of a killed process? */
static int enter(struct storage *storage, const char *folder, struct storage_error *error)
{
    (void)storage;
    /* Your code here. */
    return fail(error, "%s: storage_open is not written yet", folder);
}

/* Is the folder new, this server's, another one's?  Did a crash end its making? */
static int prepare(struct storage *storage, int32_t id, struct storage_error *error)
{
    (void)storage;
    (void)id;
    (void)error;
    /* Your code here. */
    return 0;
}

/* Reads what is there, each byte once.  What did an earlier process write, and never flush? */
static int load(struct storage *storage, struct storage_error *error)
{
    (void)storage;
    (void)error;
    /* Your code here. */
    return 0;
}

struct storage *storage_open(const char *folder, int32_t id, bool does_flush,
                             struct storage_error *error)
{
    struct storage *storage = calloc(1, sizeof *storage);

    if (storage == NULL) {
        snprintf(error->text, sizeof error->text, "%.100s: %s", folder, strerror(errno));
        return NULL;
    }
    storage->does_flush = does_flush;
    if (enter(storage, folder, error) == 0 && prepare(storage, id, error) == 0 &&
        load(storage, error) == 0)
        return storage;
    storage_close(storage);
    return NULL;
}

void storage_close(struct storage *storage)
{
    /* Your code here. */
    free(storage);
}

void storage_vote(const struct storage *storage, int32_t *term, int32_t *voted_for)
{
    *term = storage->term;
    *voted_for = storage->voted_for;
}

int32_t storage_count(const struct storage *storage)
{
    return storage->count;
}

/* Where is that entry in your files?  A million of them are read one by one. */
int storage_read(struct storage *storage, int32_t index, struct log_entry *entry,
                 struct storage_error *error)
{
    (void)storage;
    (void)entry;
    /* Your code here. */
    return fail(error, "there is no entry %d", index);
}

int storage_save_vote(struct storage *storage, int32_t term, int32_t voted_for,
                      struct storage_error *error)
{
    (void)storage;
    (void)term;
    (void)voted_for;
    /* Your code here. */
    return fail(error, "storage_save_vote is not written yet");
}

/* What of the entries behind this index, if there were some? */
int storage_save_entry(struct storage *storage, int32_t index, const struct log_entry *entry,
                       struct storage_error *error)
{
    (void)storage;
    (void)entry;
    /* Your code here. */
    return fail(error, "entry %d can't be saved yet", index);
}

/* write(2) may write less than it was asked to.  fdatasync(2) has failed: what does it say when it
 * is called again, and is that true? */
int storage_sync(struct storage *storage, struct storage_error *error)
{
    (void)storage;
    /* Your code here. */
    return fail(error, "storage_sync is not written yet");
}
