/* storage.c - the folder of storage.h: how it is made and locked, see folder.h; the bytes of its
 * files, journal.h.
 *
 * Votes and entries are records of one file, the journal, that only grows: one flush does for both,
 * and nothing that was good is ever written over.  It is read as a whole at the start, and lent
 * from there, until something is saved. */
#include "storage.h"

#include "folder.h"
#include "journal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WAITING_SIZE = 256 << 10, FIRST_ENTRIES = 64 };

static const char JOURNAL[] = "journal";

struct storage {
    struct folder folder;
    int32_t term, voted_for, count;
    bool has_failed;
    bool is_flushed; /* all of the journal is, by what is known: at the start, nothing is */
    off_t written;   /* the size of the journal, without what waits */
    size_t waiting_len;
    uint8_t waiting[WAITING_SIZE]; /* saved, and not written yet */
    uint8_t *bytes;                /* the journal as it was found, until something is saved */
    size_t *places;                /* of the entries in it: that with index i is places[i - 1] */
    size_t place_room;
};

static int fail_call(const struct storage *storage, const char *call, struct storage_error *error)
{
    return folder_fail_call(&storage->folder, JOURNAL, call, error);
}

/* --- the start --- */

static int fail_at(const struct storage *storage, size_t place, const char *what,
                   struct storage_error *error)
{
    return folder_fail(error, "%.120s/%s: damaged at byte %zu: %s", storage->folder.name, JOURNAL,
                       place, what);
}

static int take_place(struct storage *storage, int32_t index, size_t place)
{
    if ((size_t)index > storage->place_room) {
        size_t room = storage->place_room == 0 ? FIRST_ENTRIES : 2 * storage->place_room;
        size_t *places = realloc(storage->places, room * sizeof *places);
        if (places == NULL)
            return -1;
        storage->places = places;
        storage->place_room = room;
    }
    storage->places[index - 1] = place;
    storage->count = index;
    return 0;
}

static int take_record(struct storage *storage, const struct journal_record *record, size_t place,
                       struct storage_error *error)
{
    if (record->kind == JOURNAL_VOTE) {
        storage->term = record->term;
        storage->voted_for = record->number;
        return 0;
    }
    if (record->kind != JOURNAL_ENTRY || record->number < 1 || record->number > storage->count + 1)
        return fail_at(storage, place, "a record that has no sense here", error);
    if (take_place(storage, record->number, place) < 0)
        return fail_call(storage, "memory", error);
    return 0;
}

/* Takes all records in, and sets *end to where the good ones end. */
static int take_records(struct storage *storage, const struct journal_bytes *journal, size_t *end,
                        struct storage_error *error)
{
    struct journal_record record;
    size_t place = JOURNAL_HEAD_SIZE;

    for (; place < journal->len; place += JOURNAL_HEADER_SIZE + record.size) {
        enum journal_result result = journal_read(journal, place, &record);
        if (result == JOURNAL_DAMAGED)
            return fail_at(storage, place, "a bad record, and good ones behind it", error);
        if (result == JOURNAL_TORN)
            break;
        if (take_record(storage, &record, place, error) < 0)
            return -1;
    }
    *end = place;
    return 0;
}

static int read_journal(struct storage *storage, size_t *len, struct storage_error *error)
{
    struct stat journal;

    if (fstat(storage->folder.journal, &journal) < 0)
        return fail_call(storage, "stat", error);
    *len = (size_t)journal.st_size;
    storage->bytes = malloc(*len + 1);
    if (storage->bytes == NULL)
        return fail_call(storage, "memory", error);
    ssize_t n = folder_read_all(storage->folder.journal, storage->bytes, *len, 0);
    if (n < 0)
        return fail_call(storage, "read", error);
    if ((size_t)n < *len)
        return fail_at(storage, (size_t)n, "it ends here, and was longer", error);
    return 0;
}

/* What stands behind a bad record is found by nobody.  So a bad end has to be gone, for good,
 * before anything is written behind it. */
static int cut_bad_end(const struct storage *storage, size_t end, struct storage_error *error)
{
    if (ftruncate(storage->folder.journal, (off_t)end) < 0)
        return fail_call(storage, "ftruncate", error);
    if (storage->folder.does_flush && fsync(storage->folder.journal) < 0)
        return fail_call(storage, "fsync", error);
    return 0;
}

static int load(struct storage *storage, struct storage_error *error)
{
    struct journal_bytes journal = {.salt = storage->folder.salt};
    size_t end;

    if (read_journal(storage, &journal.len, error) < 0)
        return -1;
    journal.bytes = storage->bytes;
    if (take_records(storage, &journal, &end, error) < 0)
        return -1;
    storage->written = (off_t)end;
    return end < journal.len ? cut_bad_end(storage, end, error) : 0;
}

struct storage *storage_open(const char *folder, int32_t id, bool does_flush,
                             struct storage_error *error)
{
    struct storage *storage = calloc(1, sizeof *storage);

    if (storage == NULL) {
        snprintf(error->text, sizeof error->text, "%.120s: %s", folder, strerror(errno));
        return NULL;
    }
    storage->folder = (struct folder){
        .name = folder, .id = id, .does_flush = does_flush, .self = -1, .journal = -1};
    if (folder_open(&storage->folder, error) == 0 && load(storage, error) == 0) {
        storage->folder.name = strdup(folder);
        if (storage->folder.name != NULL)
            return storage;
        snprintf(error->text, sizeof error->text, "%.120s: %s", folder, strerror(errno));
    }
    storage->folder.name = NULL;
    storage->has_failed = true;
    storage_close(storage);
    return NULL;
}

static void forget_found(struct storage *storage)
{
    free(storage->bytes);
    free(storage->places);
    storage->bytes = NULL;
    storage->places = NULL;
}

/* --- what is there --- */

void storage_vote(const struct storage *storage, int32_t *term, int32_t *voted_for)
{
    *term = storage->term;
    *voted_for = storage->voted_for;
}

int32_t storage_count(const struct storage *storage)
{
    return storage->count;
}

/* All was checked when it was opened. */
int storage_read(struct storage *storage, int32_t index, struct log_entry *entry,
                 struct storage_error *error)
{
    struct journal_bytes journal = {.salt = storage->folder.salt, .bytes = storage->bytes};
    struct journal_record record;

    if (storage->bytes == NULL || index < 1 || index > storage->count)
        return folder_fail(error,
                           "%.120s/%s: entry %d can't be read: there is none, or others were "
                           "saved",
                           storage->folder.name, JOURNAL, index);
    journal.len = (size_t)storage->written;
    if (journal_read(&journal, storage->places[index - 1], &record) != JOURNAL_RECORD)
        return fail_at(storage, storage->places[index - 1], "it was good before", error);
    *entry = (struct log_entry){record.term, record.size, record.data};
    return 0;
}

/* --- saving --- */

static int write_out(struct storage *storage, const uint8_t *data, size_t len,
                     struct storage_error *error)
{
    if (folder_write_all(storage->folder.journal, data, len, storage->written) < 0) {
        storage->has_failed = true;
        return fail_call(storage, "write", error);
    }
    storage->written += (off_t)len;
    return 0;
}

static int write_waiting(struct storage *storage, struct storage_error *error)
{
    size_t len = storage->waiting_len;

    storage->waiting_len = 0;
    return write_out(storage, storage->waiting, len, error);
}

/* What is larger than all that may wait is written at once, behind it. */
static int put(struct storage *storage, const uint8_t *data, size_t len,
               struct storage_error *error)
{
    if (len > WAITING_SIZE - storage->waiting_len && write_waiting(storage, error) < 0)
        return -1;
    if (len > WAITING_SIZE)
        return write_out(storage, data, len, error);
    if (len > 0)
        memcpy(storage->waiting + storage->waiting_len, data, len);
    storage->waiting_len += len;
    return 0;
}

static int save(struct storage *storage, const struct journal_record *record,
                struct storage_error *error)
{
    uint8_t header[JOURNAL_HEADER_SIZE];
    uint64_t place = (uint64_t)storage->written + storage->waiting_len;

    if (storage->has_failed)
        return folder_fail(error, "%.120s/%s: it has failed before", storage->folder.name, JOURNAL);
    forget_found(storage);
    storage->is_flushed = false;
    journal_write_header(header, storage->folder.salt, place, record);
    if (put(storage, header, sizeof header, error) < 0)
        return -1;
    return put(storage, record->data, record->size, error);
}

int storage_save_vote(struct storage *storage, int32_t term, int32_t voted_for,
                      struct storage_error *error)
{
    const struct journal_record record = {.kind = JOURNAL_VOTE, .term = term, .number = voted_for};

    storage->term = term;
    storage->voted_for = voted_for;
    return save(storage, &record, error);
}

int storage_save_entry(struct storage *storage, int32_t index, const struct log_entry *entry,
                       struct storage_error *error)
{
    const struct journal_record record = {.kind = JOURNAL_ENTRY,
                                          .term = entry->term,
                                          .number = index,
                                          .size = entry->size,
                                          .data = entry->data};

    if (index < 1 || index > storage->count + 1)
        return folder_fail(error, "%.120s/%s: entry %d can't be saved behind %d",
                           storage->folder.name, JOURNAL, index, storage->count);
    storage->count = index;
    return save(storage, &record, error);
}

/* After an error nobody knows what is on the disk, and a second fdatasync(2) may say that all is
 * well though the pages of the first were dropped.  So it is not called again. */
int storage_sync(struct storage *storage, struct storage_error *error)
{
    if (storage->has_failed)
        return folder_fail(error, "%.120s/%s: it has failed before", storage->folder.name, JOURNAL);
    if (write_waiting(storage, error) < 0)
        return -1;
    if (storage->folder.does_flush && !storage->is_flushed &&
        fdatasync(storage->folder.journal) < 0) {
        storage->has_failed = true;
        return fail_call(storage, "fdatasync", error);
    }
    storage->is_flushed = true;
    return 0;
}

/* What waits was promised to nobody; but one who closes in peace finds it again. */
void storage_close(struct storage *storage)
{
    struct storage_error ignored;

    if (storage == NULL)
        return;
    if (!storage->has_failed)
        (void)write_waiting(storage, &ignored);
    folder_close(&storage->folder);
    forget_found(storage);
    free((char *)storage->folder.name);
    free(storage);
}
