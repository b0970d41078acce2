/* storage.c - the folder of storage.h: two files, and one flush for all that waits.
 *
 * log      A header, and records, one behind the other (record.h): a vote, or an entry, which drops
 *          all entries from its index on.  Votes and entries share the file, so that one
 *          fdatasync(2) covers both, and the order of the calls is the order on the disk.
 * server   A header alone.  It is made when the log is there and flushed: a folder without it was
 *          never in use; and where it is, a log that is missing or has no header was lost.
 *
 * What is saved gathers in memory until storage_sync, or until it is much.  Behind the records lie
 * zeros, which are no record: a flush costs less where the file does not grow.
 *
 * What a crash leaves of the last record is found and cut off by storage_open (scan.c): if it
 * stayed, the records behind it would never be found again.  Each time it flushes what it found,
 * too: an earlier process may have been killed between a write and its flush, and this one promises
 * all that it has read. */
#include "storage.h"

#include "disk.h"
#include "record.h"
#include "scan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MUCH = 1 << 20, AHEAD = 64 * 1024, FOLDER_SHOWN = 100 };

static const char LOG[] = "log", LOG_MAGIC[] = "RAFTLOG\n";
static const char SERVER[] = "server", SERVER_MAGIC[] = "RAFTSRV\n";

struct storage {
    int folder, log; /* descriptors */
    char name[FOLDER_SHOWN];
    bool does_flush, has_failed;
    int32_t term, voted_for, count;
    int64_t end, size; /* of what was written to the log; and of its file, with zeros behind it */
    int64_t flushed;   /* up to where the log is on the disk */
    uint8_t *waiting;
    size_t len, capacity;
    struct scan scan; /* until something is saved */
};

/* The beginning of an error: the file, or ("") the folder itself. */
static void say_where(const struct storage *s, const char *file, struct storage_error *error)
{
    snprintf(error->text, sizeof error->text, "%s%s%s ", s->name, *file == '\0' ? "" : "/", file);
}

/* What is wrong there, for "return fail(s, file, error, ...);". */
#define fail(s, file, error, ...)                                                                  \
    (say_where(s, file, error),                                                                    \
     snprintf((error)->text + strlen((error)->text), sizeof(error)->text - strlen((error)->text),  \
              __VA_ARGS__),                                                                        \
     -1)

/* --- the folder --- */

/* Where it may be made, its name has to be flushed, too: that is in the folder above. */
static int flush_above(const struct storage *s)
{
    int above = openat(s->folder, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int result = above < 0 ? -1 : disk_flush_names(above);

    if (above >= 0)
        close(above);
    return result;
}

static int enter(struct storage *s, const char *folder, struct storage_error *error)
{
    snprintf(s->name, sizeof s->name, "%s", folder);
    if (mkdir(folder, 0777) < 0 && errno != EEXIST)
        return fail(s, "", error, "can't be made: %s", strerror(errno));
    s->folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (s->folder < 0)
        return fail(s, "", error, "can't be opened: %s", strerror(errno));
    if (flock(s->folder, LOCK_EX | LOCK_NB) < 0)
        return fail(s, "", error, "%s",
                    errno == EWOULDBLOCK ? "is in use by another process" : strerror(errno));
    return 0;
}

/* --- its files --- */

/* A file's header as it was found. */
struct found {
    bool exists, is_begun, is_whole; /* begun: a beginning of the right one, maybe nothing */
    const char *complaint;           /* of a whole one that is not right */
    int64_t size;                    /* of the file */
};

static int find(const struct storage *s, const char *name, const char *magic, int32_t id,
                struct found *found, struct storage_error *error)
{
    uint8_t right[RECORD_FILE_HEADER_SIZE], bytes[RECORD_FILE_HEADER_SIZE];
    int fd = openat(s->folder, name, O_RDONLY | O_CLOEXEC);

    *found = (struct found){.exists = fd >= 0};
    if (fd < 0 && errno == ENOENT)
        return 0;
    ssize_t len = fd < 0 ? -1 : disk_read(fd, 0, bytes, sizeof bytes);
    found->size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
    if (len < 0 || found->size < 0)
        (void)fail(s, name, error, "can't be read: %s", strerror(errno));
    if (fd >= 0)
        close(fd);
    if (len < 0 || found->size < 0)
        return -1;
    record_file_header(magic, id, right);
    found->is_begun = memcmp(bytes, right, (size_t)len) == 0;
    found->is_whole = (size_t)len == sizeof bytes;
    if (found->is_whole)
        found->complaint = record_file_complaint(magic, id, bytes);
    return 0;
}

/* Makes a file of its header alone. */
static int make(const struct storage *s, const char *name, const char *magic, int32_t id,
                struct storage_error *error)
{
    uint8_t header[RECORD_FILE_HEADER_SIZE];
    int fd = openat(s->folder, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);

    record_file_header(magic, id, header);
    int result = fd < 0 ? -1 : disk_write(fd, 0, header, sizeof header);
    if (result == 0 && s->does_flush)
        result = disk_flush(fd) < 0 ? -1 : disk_flush_names(s->folder);
    if (result < 0)
        (void)fail(s, name, error, "can't be written: %s", strerror(errno));
    if (fd >= 0)
        close(fd);
    return result;
}

/* Complains of what no crash can have left, makes what is not there. */
static int prepare(const struct storage *s, int32_t id, struct storage_error *error)
{
    struct found log, server;

    if (find(s, LOG, LOG_MAGIC, id, &log, error) < 0 ||
        find(s, SERVER, SERVER_MAGIC, id, &server, error) < 0)
        return -1;
    if (server.complaint != NULL)
        return fail(s, SERVER, error, "%s", server.complaint);
    if (log.complaint != NULL)
        return fail(s, LOG, error, "%s", log.complaint);
    if (server.is_whole && !log.exists)
        return fail(s, LOG, error, "is missing");
    if (!log.is_begun && log.exists)
        return fail(s, LOG, error, "is damaged, or another server's");
    if (!server.is_begun && server.exists)
        return fail(s, SERVER, error, "is damaged, or another server's");
    if (!log.is_whole && server.exists)
        return fail(s, LOG, error, "is damaged: it ends too soon");
    if (!server.is_whole && log.size > RECORD_FILE_HEADER_SIZE)
        return fail(s, SERVER, error, "is %s", server.exists ? "damaged" : "missing");
    if (server.size > RECORD_FILE_HEADER_SIZE)
        return fail(s, SERVER, error, "is damaged: it has more than a header");
    if (server.is_whole)
        return 0;
    /* The log once more, even if it is there: who made it may have been killed before the flush. */
    return make(s, LOG, LOG_MAGIC, id, error) < 0 ? -1 : make(s, SERVER, SERVER_MAGIC, id, error);
}

/* What an earlier process left may not be on the disk: of the log, the server's file, their names
 * and the folder's own. */
static int flush_all(const struct storage *s)
{
    int server = openat(s->folder, SERVER, O_RDONLY | O_CLOEXEC);
    int result = server < 0 ? -1 : disk_flush(server);

    if (server >= 0)
        close(server);
    if (result == 0 && disk_flush(s->log) == 0 && disk_flush_names(s->folder) == 0)
        return flush_above(s);
    return -1;
}

static int load(struct storage *s, struct storage_error *error)
{
    struct scan_error found;

    s->log = openat(s->folder, LOG, O_RDWR | O_CLOEXEC);
    if (s->log < 0)
        return fail(s, LOG, error, "can't be opened: %s", strerror(errno));
    if (scan_log(&s->scan, s->log, &found) < 0)
        return fail(s, LOG, error, "%s", found.words);
    s->term = s->scan.term;
    s->voted_for = s->scan.voted_for;
    s->count = s->scan.count;
    s->end = s->scan.end;
    if (s->end < s->scan.file.size && disk_cut(s->log, s->end) < 0)
        return fail(s, LOG, error, "can't be cut: %s", strerror(errno));
    s->size = s->flushed = s->end;
    if (s->does_flush && flush_all(s) < 0)
        return fail(s, "", error, "can't be flushed: %s", strerror(errno));
    return 0;
}

struct storage *storage_open(const char *folder, int32_t id, bool does_flush,
                             struct storage_error *error)
{
    struct storage *s = calloc(1, sizeof *s);

    if (s == NULL) {
        snprintf(error->text, sizeof error->text, "%.100s: %s", folder, strerror(errno));
        return NULL;
    }
    s->folder = s->log = -1;
    s->does_flush = does_flush;
    if (enter(s, folder, error) == 0 && prepare(s, id, error) == 0 && load(s, error) == 0)
        return s;
    storage_close(s);
    return NULL;
}

/* With the folder's descriptor its lock goes, too. */
void storage_close(struct storage *storage)
{
    if (storage->log >= 0)
        close(storage->log);
    if (storage->folder >= 0)
        close(storage->folder);
    scan_free(&storage->scan);
    free(storage->waiting);
    free(storage);
}

/* --- what was found --- */

void storage_vote(const struct storage *storage, int32_t *term, int32_t *voted_for)
{
    *term = storage->term;
    *voted_for = storage->voted_for;
}

int32_t storage_count(const struct storage *storage)
{
    return storage->count;
}

int storage_read(struct storage *storage, int32_t index, struct log_entry *entry,
                 struct storage_error *error)
{
    struct scan_error found;

    if (index < 1 || index > storage->scan.count)
        return fail(storage, LOG, error, "has no entry %d to be read", index);
    if (scan_entry(&storage->scan, index, entry, &found) < 0)
        return fail(storage, LOG, error, "%s", found.words);
    return 0;
}

/* --- saving --- */

static int make_room(struct storage *s, size_t needed)
{
    size_t capacity = 2 * s->capacity > needed ? 2 * s->capacity : needed;
    uint8_t *waiting = s->waiting;

    if (needed <= s->capacity)
        return 0;
    waiting = realloc(waiting, capacity);
    if (waiting == NULL)
        return -1;
    s->waiting = waiting;
    s->capacity = capacity;
    return 0;
}

/* Puts zeros behind what waits, if the file has none left there.  Until records have been written
 * over them, its size stays as it is, and a flush has nothing to write but the records.  For want
 * of memory there are none. */
static size_t look_ahead(struct storage *s)
{
    if (!s->does_flush || s->end + (int64_t)s->len <= s->size || make_room(s, s->len + AHEAD) < 0)
        return 0;
    memset(s->waiting + s->len, 0, AHEAD);
    return AHEAD;
}

/* Where there is no room for the zeros, there may be for the records. */
static int put(const struct storage *s, size_t *zeros)
{
    if (*zeros > 0 && disk_write(s->log, s->end, s->waiting, s->len + *zeros) == 0)
        return 0;
    *zeros = 0;
    return disk_write(s->log, s->end, s->waiting, s->len);
}

static int write_waiting(struct storage *s, struct storage_error *error)
{
    size_t zeros = look_ahead(s);

    if (put(s, &zeros) < 0) {
        s->has_failed = true;
        return fail(s, LOG, error, "can't be written: %s", strerror(errno));
    }
    s->end += (int64_t)s->len;
    s->len = 0;
    if (s->end + (int64_t)zeros > s->size)
        s->size = s->end + (int64_t)zeros;
    return 0;
}

/* Puts a record behind those that wait. */
static int save(struct storage *s, struct record *record, struct storage_error *error)
{
    if (s->has_failed)
        return fail(s, LOG, error, "can't be written: an earlier write or flush has failed");
    if (s->scan.file.data != NULL)
        scan_free(&s->scan);
    if (make_room(s, s->len + RECORD_HEADER_SIZE + record->size) < 0) {
        s->has_failed = true;
        return fail(s, LOG, error, "can't be written: %s", strerror(errno));
    }
    record->flushed = s->flushed;
    record_header(record, s->end + (int64_t)s->len, s->waiting + s->len);
    s->len += RECORD_HEADER_SIZE;
    if (record->size > 0)
        memcpy(s->waiting + s->len, record->data, record->size);
    s->len += record->size;
    return s->len < MUCH ? 0 : write_waiting(s, error);
}

int storage_save_vote(struct storage *storage, int32_t term, int32_t voted_for,
                      struct storage_error *error)
{
    struct record record = {.kind = RECORD_VOTE, .number = voted_for, .term = term};

    if (save(storage, &record, error) < 0)
        return -1;
    storage->term = term;
    storage->voted_for = voted_for;
    return 0;
}

int storage_save_entry(struct storage *storage, int32_t index, const struct log_entry *entry,
                       struct storage_error *error)
{
    struct record record = {
        .kind = RECORD_ENTRY,
        .number = index,
        .term = entry->term,
        .size = entry->size,
        .data = entry->data,
    };

    if (index < 1 || index > storage->count + 1)
        return fail(storage, LOG, error, "has no place for entry %d behind entry %d", index,
                    storage->count);
    if (save(storage, &record, error) < 0)
        return -1;
    storage->count = index;
    return 0;
}

int storage_sync(struct storage *storage, struct storage_error *error)
{
    if (storage->has_failed)
        return fail(storage, LOG, error, "can't be flushed: an earlier write or flush has failed");
    if (write_waiting(storage, error) < 0)
        return -1;
    if (storage->does_flush && disk_flush(storage->log) < 0) {
        storage->has_failed = true;
        return fail(storage, LOG, error, "can't be flushed: %s", strerror(errno));
    }
    storage->flushed = storage->end;
    return 0;
}
