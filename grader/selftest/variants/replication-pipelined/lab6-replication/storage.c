/* storage.c - the folder of storage.h: two files.  All numbers are little-endian.
 *
 *     vote       "KVVOTE 1" | u32 id, term, voted_for | u32 1, or 0 before entries was made |
 *                u32 CRC-32 of the 24 bytes before.  It is replaced as a whole: vote.new is
 *                written and flushed, and renamed.
 *     entries    "KVENTRY1" | u32 id | u32 CRC-32 of the 12 bytes before, and then records, which
 *                are only added: u32 index, term, size | u32 CRC-32 of the data | u32 CRC-32 of the
 *                16 bytes before | the data.  A record drops all from its index on that came before.
 *
 * So where there is one of the two, the other may be missing only if that form says so.  A vote is
 * saved when all entries that were saved before it are flushed, and is flushed at once: what a crash
 * leaves is a beginning of what was saved.
 *
 * A record that is bad was cut by a crash if no header of another one follows: then it is dropped
 * from the file.  Entries are read from a mapping of the file, and written with stdio. */
#include "storage.h"

#include "checksum.h"
#include "form.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { VOTE_SIZE = 28, TOP_SIZE = 16, HEADER_SIZE = 20, MAGIC_SIZE = 8 };

static const char VOTE_MAGIC[] = "KVVOTE 1", ENTRIES_MAGIC[] = "KVENTRY1";

struct storage {
    int folder_fd;
    int32_t id, term, voted_for;
    bool does_flush, is_made;
    FILE *entries;
    bool is_dirty; /* there are entries that were not flushed */
    uint8_t *map;
    size_t map_size;
    struct log_entry *found; /* found[i - 1] is entry i, and its data is in the map */
    int32_t count, found_count, capacity;
};

/* For "return fail(error, ...);". */
#define fail(error, ...) (snprintf((error)->text, sizeof(error)->text, __VA_ARGS__), -1)

/* A call on this file failed. */
static int fail_by_errno(struct storage_error *error, const char *name)
{
    return fail(error, "%.100s: %s", name, strerror(errno));
}

static int flush(const struct storage *storage, int fd)
{
    return storage->does_flush ? fsync(fd) : 0;
}

/* --- the two forms --- */

static int replace(const struct storage *storage, const char *name, const uint8_t *form,
                   size_t size, struct storage_error *error)
{
    if (form_replace(storage->folder_fd, name, form, size, storage->does_flush) < 0)
        return fail_by_errno(error, name);
    return 0;
}

static int write_vote(const struct storage *storage, struct storage_error *error)
{
    uint8_t form[VOTE_SIZE];

    memcpy(form, VOTE_MAGIC, MAGIC_SIZE);
    form_put(form + 8, (uint32_t)storage->id);
    form_put(form + 12, (uint32_t)storage->term);
    form_put(form + 16, (uint32_t)storage->voted_for);
    form_put(form + 20, storage->is_made);
    form_seal(form, VOTE_SIZE);
    return replace(storage, "vote", form, VOTE_SIZE, error);
}

static int write_top(const struct storage *storage, struct storage_error *error)
{
    uint8_t form[TOP_SIZE];

    memcpy(form, ENTRIES_MAGIC, MAGIC_SIZE);
    form_put(form + 8, (uint32_t)storage->id);
    form_seal(form, TOP_SIZE);
    return replace(storage, "entries", form, TOP_SIZE, error);
}

/* --- opening: whose folder is it? --- */

static int check_form(const struct storage *storage, const char *name, const char *magic,
                      const uint8_t *form, size_t size, struct storage_error *error)
{
    if (memcmp(form, magic, MAGIC_SIZE) != 0)
        return fail(error, "%s: its version is unknown: it does not begin with %s", name, magic);
    if (!form_is_sealed(form, size))
        return fail(error, "%s: damaged: the checksum of its first %zu bytes is wrong", name, size);
    if (form_get(form + 8) != (uint32_t)storage->id)
        return fail(error, "%s: it is that of server %u, not %d", name, form_get(form + 8),
                    (int)storage->id);
    return 0;
}

static int load_vote(struct storage *storage, int fd, struct storage_error *error)
{
    uint8_t form[VOTE_SIZE + 1];
    ssize_t size = form_read(fd, form, sizeof form);

    if (size < 0)
        return fail_by_errno(error, "vote");
    if (size != VOTE_SIZE)
        return fail(error, "vote: damaged: it has not %d bytes", VOTE_SIZE);
    if (check_form(storage, "vote", VOTE_MAGIC, form, VOTE_SIZE, error) < 0)
        return -1;
    storage->term = (int32_t)form_get(form + 12);
    storage->voted_for = (int32_t)form_get(form + 16);
    storage->is_made = form_get(form + 20) != 0;
    return flush(storage, fd) < 0 ? fail_by_errno(error, "vote") : 0;
}

static int begin(const struct storage *storage, struct storage_error *error)
{
    if (faccessat(storage->folder_fd, "entries", F_OK, 0) == 0)
        return fail(error, "vote: it is missing, and there are entries");
    return errno == ENOENT ? write_vote(storage, error) : fail_by_errno(error, "entries");
}

static int open_vote(struct storage *storage, struct storage_error *error)
{
    int fd = openat(storage->folder_fd, "vote", O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return errno == ENOENT ? begin(storage, error) : fail_by_errno(error, "vote");
    int result = load_vote(storage, fd, error);
    close(fd);
    return result;
}

/* Before this has ended, nothing was promised. */
static int make_entries(struct storage *storage, struct storage_error *error)
{
    if (storage->is_made)
        return 0;
    storage->is_made = true;
    return write_top(storage, error) < 0 ? -1 : write_vote(storage, error);
}

/* The name of a new folder is in its parent. */
static int enter(struct storage *storage, const char *folder, struct storage_error *error)
{
    if (mkdir(folder, 0777) < 0 && errno != EEXIST)
        return fail_by_errno(error, folder);
    storage->folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (storage->folder_fd < 0)
        return fail_by_errno(error, folder);
    if (flock(storage->folder_fd, LOCK_EX | LOCK_NB) < 0)
        return errno == EWOULDBLOCK ? fail(error, "%.100s: another process has it open", folder)
                                    : fail_by_errno(error, folder);
    int parent = openat(storage->folder_fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (parent < 0 || flush(storage, parent) < 0 || flush(storage, storage->folder_fd) < 0) {
        int result = fail_by_errno(error, folder);
        if (parent >= 0)
            close(parent);
        return result;
    }
    close(parent);
    return 0;
}

/* --- opening: the entries --- */

static int map_entries(struct storage *storage, int fd, struct storage_error *error)
{
    struct stat entries;

    if (fstat(fd, &entries) < 0)
        return fail_by_errno(error, "entries");
    if (entries.st_size < TOP_SIZE)
        return fail(error, "entries: damaged: it has less than %d bytes", TOP_SIZE);
    void *map = mmap(NULL, (size_t)entries.st_size, PROT_READ, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED)
        return fail_by_errno(error, "entries");
    storage->map = map;
    storage->map_size = (size_t)entries.st_size;
    return check_form(storage, "entries", ENTRIES_MAGIC, storage->map, TOP_SIZE, error);
}

static bool is_header(const struct storage *storage, size_t at)
{
    return storage->map_size - at >= HEADER_SIZE && form_is_sealed(storage->map + at, HEADER_SIZE);
}

/* Where the record ends whose header is here. */
static size_t end_of(const struct storage *storage, size_t at)
{
    return at + HEADER_SIZE + form_get(storage->map + at + 8);
}

static bool is_whole(const struct storage *storage, size_t at)
{
    const uint8_t *header = storage->map + at;

    return is_header(storage, at) && end_of(storage, at) <= storage->map_size &&
           form_get(header + 12) == checksum(header + HEADER_SIZE, form_get(header + 8));
}

static int find(struct storage *storage, size_t at, struct storage_error *error)
{
    const uint8_t *header = storage->map + at;
    uint32_t index = form_get(header);

    if (index < 1 || index > (uint32_t)storage->count + 1)
        return fail(error, "entries: damaged: entry %u at %zu, behind %d", index, at,
                    (int)storage->count);
    if (index > (uint32_t)storage->capacity) {
        int32_t capacity =
            storage->capacity < INT32_MAX / 2 ? 2 * storage->capacity + 64 : INT32_MAX;
        struct log_entry *found =
            reallocarray(storage->found, (size_t)capacity, sizeof *storage->found);
        if (found == NULL)
            return fail_by_errno(error, "entries");
        storage->found = found;
        storage->capacity = capacity;
    }
    storage->found[index - 1] = (struct log_entry){.term = (int32_t)form_get(header + 4),
                                                   .size = form_get(header + 8),
                                                   .data = header + HEADER_SIZE};
    storage->count = (int32_t)index;
    return 0;
}

/* The record here is bad.  A header that is good tells where the next record would begin; else that
 * may be anywhere. */
static int cut(const struct storage *storage, int fd, size_t at, struct storage_error *error)
{
    size_t next = is_header(storage, at) ? end_of(storage, at) : at + 1;

    for (; next < storage->map_size; next++)
        if (is_header(storage, next))
            return fail(error, "entries: damaged: the record at %zu is bad, and one follows at %zu",
                        at, next);
    return ftruncate(fd, (off_t)at) < 0 ? fail_by_errno(error, "entries") : 0;
}

/* A process may have been killed before it flushed what is here. */
static int load_entries(struct storage *storage, int fd, struct storage_error *error)
{
    size_t at = TOP_SIZE;

    if (map_entries(storage, fd, error) < 0)
        return -1;
    for (; at < storage->map_size && is_whole(storage, at); at = end_of(storage, at))
        if (find(storage, at, error) < 0)
            return -1;
    if (at < storage->map_size && cut(storage, fd, at, error) < 0)
        return -1;
    storage->found_count = storage->count;
    return flush(storage, fd) < 0 ? fail_by_errno(error, "entries") : 0;
}

static int open_entries(struct storage *storage, struct storage_error *error)
{
    int fd = openat(storage->folder_fd, "entries", O_RDWR | O_APPEND | O_CLOEXEC);

    if (fd < 0)
        return fail_by_errno(error, "entries");
    storage->entries = fdopen(fd, "ab");
    if (storage->entries == NULL) {
        fail_by_errno(error, "entries");
        close(fd);
        return -1;
    }
    return load_entries(storage, fd, error);
}

struct storage *storage_open(const char *folder, int32_t id, bool does_flush,
                             struct storage_error *error)
{
    struct storage *storage = calloc(1, sizeof *storage);

    if (storage == NULL) {
        fail_by_errno(error, folder);
        return NULL;
    }
    storage->folder_fd = -1;
    storage->id = id;
    storage->does_flush = does_flush;
    if (enter(storage, folder, error) == 0 && open_vote(storage, error) == 0 &&
        make_entries(storage, error) == 0 && open_entries(storage, error) == 0)
        return storage;
    storage_close(storage);
    return NULL;
}

void storage_close(struct storage *storage)
{
    if (storage == NULL)
        return;
    if (storage->map != NULL)
        munmap(storage->map, storage->map_size);
    if (storage->entries != NULL)
        fclose(storage->entries);
    if (storage->folder_fd >= 0)
        close(storage->folder_fd);
    free(storage->found);
    free(storage);
}

/* --- reading --- */

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
    if (index < 1 || index > storage->found_count)
        return fail(error, "entries: there is no entry %d", (int)index);
    *entry = storage->found[index - 1];
    return 0;
}

/* --- saving --- */

int storage_save_entry(struct storage *storage, int32_t index, const struct log_entry *entry,
                       struct storage_error *error)
{
    uint8_t header[HEADER_SIZE];

    form_put(header, (uint32_t)index);
    form_put(header + 4, (uint32_t)entry->term);
    form_put(header + 8, entry->size);
    form_put(header + 12, checksum(entry->data, entry->size));
    form_seal(header, HEADER_SIZE);
    storage->is_dirty = true;
    storage->count = index;
    if (fwrite(header, HEADER_SIZE, 1, storage->entries) != 1 ||
        (entry->size > 0 && fwrite(entry->data, entry->size, 1, storage->entries) != 1))
        return fail_by_errno(error, "entries");
    return 0;
}

int storage_sync(struct storage *storage, struct storage_error *error)
{
    if (!storage->is_dirty)
        return 0;
    if (fflush(storage->entries) != 0 ||
        (storage->does_flush && fdatasync(fileno(storage->entries)) < 0))
        return fail_by_errno(error, "entries");
    storage->is_dirty = false;
    return 0;
}

int storage_save_vote(struct storage *storage, int32_t term, int32_t voted_for,
                      struct storage_error *error)
{
    if (storage_sync(storage, error) < 0)
        return -1;
    storage->term = term;
    storage->voted_for = voted_for;
    return write_vote(storage, error);
}
