/* storage.c - the folder of storage.h: one file, state, that a person can read.  Its lines:
 *
 *     kvraft-state 1 <id> <hash>
 *     vote <term> <voted_for> <hash>
 *     entry <index> <term> <size> <hash of the data> <hash>
 *     <the data, and a line feed>
 *
 * Numbers are decimal, hashes 16 digits of hexadecimal: FNV-1a, 64 bits, in a line of what comes
 * before it.  An entry drops all from its index on that came before; of votes the last one holds.
 *
 * What is saved waits in memory, and goes to the end of the file in one write(2), which flushes what
 * it writes: open(2), O_DSYNC.  So a crash leaves a beginning of what was saved, and a record that
 * is bad was cut by one if no line behind it is good.  Then the file is written anew, without what
 * is bad or was dropped, as state.new, which takes its place. */
#include "storage.h"

#include "state_file.h"
#include "state_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static const char NAME[] = "state", NEW_NAME[] = "state.new";

/* Where the data of an entry is in the file. */
struct place {
    off_t at;
    int32_t term;
    uint32_t size;
};

struct storage {
    int folder_fd;
    int32_t id, term, voted_for;
    bool does_flush, is_cut;
    struct state_file file;
    struct place *places; /* of entry i: places[i - 1] */
    int32_t count, found, capacity;
    uint8_t *data; /* of the entry that is lent */
    size_t data_room;
};

/* For "return fail(error, ...);". */
#define fail(error, ...) (snprintf((error)->text, sizeof(error)->text, __VA_ARGS__), -1)

static int fail_by_errno(struct storage_error *error, const char *what)
{
    return fail(error, "%.100s: %s", what, strerror(errno));
}

/* --- opening: what the file says --- */

static int find_entry(struct storage *storage, const struct place *place, int32_t index)
{
    if (index > storage->capacity) {
        int32_t capacity =
            storage->capacity < INT32_MAX / 2 ? 2 * storage->capacity + 8 : INT32_MAX;
        struct place *places = reallocarray(storage->places, (size_t)capacity, sizeof *places);
        if (places == NULL)
            return -1;
        storage->places = places;
        storage->capacity = capacity;
    }
    storage->places[index - 1] = *place;
    storage->found = index;
    return 0;
}

enum line { LINE_BAD, LINE_GOOD, LINE_WRONG, LINE_NO_MEMORY };

static enum line load_entry(struct storage *storage, struct state_reader *reader, const char *line)
{
    struct place place;
    int32_t index;
    uint64_t hash;

    if (sscanf(line, "entry %" SCNd32 " %" SCNd32 " %" SCNu32 " %" SCNx64, &index, &place.term,
               &place.size, &hash) != 4 ||
        index < 1 || index > storage->found + 1)
        return LINE_WRONG;
    place.at = reader->at;
    if (!state_read_data(reader, place.size, hash))
        return LINE_BAD;
    return find_entry(storage, &place, index) < 0 ? LINE_NO_MEMORY : LINE_GOOD;
}

/* LINE_WRONG: its hash is right, and it can't be. */
static enum line load_line(struct storage *storage, struct state_reader *reader)
{
    char line[STATE_LONGEST_LINE];

    if (!state_read_line(reader, line))
        return LINE_BAD;
    if (strncmp(line, "entry ", 6) == 0)
        return load_entry(storage, reader, line);
    if (sscanf(line, "vote %" SCNd32 " %" SCNd32, &storage->term, &storage->voted_for) == 2)
        return LINE_GOOD;
    return LINE_WRONG;
}

/* What comes behind a record that is bad: a line that is good, at any place where one may begin? */
static bool has_good_line(struct state_reader *reader)
{
    char line[STATE_LONGEST_LINE];

    while (!state_is_at_end(reader))
        if (state_read_line(reader, line))
            return true;
    return false;
}

static int load_top(struct storage *storage, struct state_reader *reader,
                    struct storage_error *error)
{
    static const char top[] = "kvraft-state ";
    char line[STATE_LONGEST_LINE] = "";
    int version, id;
    bool is_good = state_read_line(reader, line);

    if (reader->has_failed)
        return fail_by_errno(error, NAME);
    if (is_good && sscanf(line, "kvraft-state %d %d", &version, &id) == 2 && version == 1)
        return id == storage->id
                   ? 0
                   : fail(error, "%s: it is that of server %d, not %d", NAME, id, (int)storage->id);
    if (strncmp(line, top, strlen(top)) == 0 && line[strlen(top)] != '1')
        return fail(error, "%s: its version is not 1", NAME);
    return fail(error, "%s: damaged: its first line is not right", NAME);
}

static int load_lines(struct storage *storage, struct state_reader *reader,
                      struct storage_error *error)
{
    enum line result = LINE_GOOD;
    off_t at = 0;

    while (result == LINE_GOOD && !state_is_at_end(reader)) {
        at = reader->at;
        result = load_line(storage, reader);
    }
    if (result == LINE_NO_MEMORY)
        return fail_by_errno(error, NAME);
    if (result == LINE_WRONG)
        return fail(error, "%s: damaged: the line at %jd can't be", NAME, (intmax_t)at);
    if (result == LINE_BAD && has_good_line(reader))
        return fail(error, "%s: damaged: what begins at %jd is bad, and more follows", NAME,
                    (intmax_t)at);
    storage->is_cut = result == LINE_BAD;
    return reader->has_failed ? fail_by_errno(error, NAME) : 0;
}

static int load(struct storage *storage, struct storage_error *error)
{
    struct state_reader *reader = state_reader_new(storage->file.fd);

    if (reader == NULL)
        return fail_by_errno(error, NAME);
    storage->term = storage->voted_for = storage->found = 0;
    int result = load_top(storage, reader, error);
    if (result == 0)
        result = load_lines(storage, reader, error);
    free(reader);
    storage->count = storage->found;
    return result;
}

/* --- opening: a file that is new, or written anew --- */

static int flush(const struct storage *storage, int fd)
{
    return storage->does_flush ? fsync(fd) : 0;
}

static int open_file(struct storage *storage, struct state_file *file, const char *name, int flags)
{
    flags |= O_RDWR | O_APPEND | O_CLOEXEC | (storage->does_flush ? O_DSYNC : 0);
    file->fd = openat(storage->folder_fd, name, flags, 0666);
    return file->fd;
}

static int add_all(struct storage *storage, struct state_file *file, struct storage_error *error)
{
    struct log_entry entry;

    if (state_add_top(file, storage->id) < 0 ||
        state_add_vote(file, storage->term, storage->voted_for) < 0)
        return fail_by_errno(error, NEW_NAME);
    for (int32_t index = 1; index <= storage->found; index++) {
        if (storage_read(storage, index, &entry, error) < 0)
            return -1;
        if (state_add_entry(file, index, &entry) < 0)
            return fail_by_errno(error, NEW_NAME);
    }
    return state_write(file) < 0 ? fail_by_errno(error, NEW_NAME) : 0;
}

/* All that is known goes into a new file, which takes the name of the old one, if there is one. */
static int renew(struct storage *storage, struct storage_error *error)
{
    struct state_file file = {0};

    if (open_file(storage, &file, NEW_NAME, O_CREAT | O_TRUNC) < 0)
        return fail_by_errno(error, NEW_NAME);
    int result = add_all(storage, &file, error);
    if (result == 0 && (flush(storage, file.fd) < 0 ||
                        renameat(storage->folder_fd, NEW_NAME, storage->folder_fd, NAME) < 0))
        result = fail_by_errno(error, NEW_NAME);
    state_close(&file);
    return result;
}

static int open_and_load(struct storage *storage, struct storage_error *error)
{
    state_close(&storage->file);
    return open_file(storage, &storage->file, NAME, 0) < 0 ? fail_by_errno(error, NAME)
                                                           : load(storage, error);
}

/* A process may have been killed before it flushed what is here, and the names of it. */
static int flush_found(const struct storage *storage, struct storage_error *error)
{
    int parent = openat(storage->folder_fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (parent < 0)
        return fail_by_errno(error, "the folder above");
    int result = 0;
    if (flush(storage, storage->file.fd) < 0 || flush(storage, storage->folder_fd) < 0 ||
        flush(storage, parent) < 0)
        result = fail_by_errno(error, NAME);
    close(parent);
    return result;
}

static int prepare(struct storage *storage, struct storage_error *error)
{
    if (faccessat(storage->folder_fd, NAME, F_OK, 0) < 0) {
        if (errno != ENOENT)
            return fail_by_errno(error, NAME);
        if (renew(storage, error) < 0)
            return -1;
    }
    if (open_and_load(storage, error) < 0)
        return -1;
    if (storage->is_cut && (renew(storage, error) < 0 || open_and_load(storage, error) < 0))
        return -1;
    return flush_found(storage, error);
}

/* A lock on the folder needs no file, and ends with the process. */
static int enter(struct storage *storage, const char *folder, struct storage_error *error)
{
    if (mkdir(folder, 0777) < 0 && errno != EEXIST)
        return fail_by_errno(error, folder);
    storage->folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (storage->folder_fd < 0)
        return fail_by_errno(error, folder);
    if (flock(storage->folder_fd, LOCK_EX | LOCK_NB) == 0)
        return 0;
    return errno == EWOULDBLOCK ? fail(error, "%.100s: another process has it open", folder)
                                : fail_by_errno(error, folder);
}

struct storage *storage_open(const char *folder, int32_t id, bool does_flush,
                             struct storage_error *error)
{
    struct storage *storage = calloc(1, sizeof *storage);

    if (storage == NULL) {
        fail_by_errno(error, folder);
        return NULL;
    }
    storage->folder_fd = storage->file.fd = -1;
    storage->id = id;
    storage->does_flush = does_flush;
    if (enter(storage, folder, error) == 0 && prepare(storage, error) == 0)
        return storage;
    storage_close(storage);
    return NULL;
}

/* What waits was never promised. */
void storage_close(struct storage *storage)
{
    if (storage == NULL)
        return;
    state_close(&storage->file);
    if (storage->folder_fd >= 0)
        close(storage->folder_fd);
    free(storage->places);
    free(storage->data);
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

static int reserve_data(struct storage *storage, size_t size)
{
    if (size < storage->data_room)
        return 0;
    uint8_t *data = realloc(storage->data, size + 1);
    if (data == NULL)
        return -1;
    storage->data = data;
    storage->data_room = size + 1;
    return 0;
}

static int read_data(struct storage *storage, const struct place *place)
{
    size_t done = 0;

    while (done < place->size) {
        ssize_t n = pread(storage->file.fd, storage->data + done, place->size - done,
                          place->at + (off_t)done);
        if (n == 0)
            errno = EIO; /* it was longer when it was opened */
        if (n == 0 || (n < 0 && errno != EINTR))
            return -1;
        done += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

int storage_read(struct storage *storage, int32_t index, struct log_entry *entry,
                 struct storage_error *error)
{
    if (index < 1 || index > storage->found)
        return fail(error, "%s: there is no entry %d", NAME, (int)index);
    const struct place *place = &storage->places[index - 1];
    if (reserve_data(storage, place->size) < 0 || read_data(storage, place) < 0)
        return fail_by_errno(error, NAME);
    *entry = (struct log_entry){.term = place->term, .size = place->size, .data = storage->data};
    return 0;
}

/* --- saving --- */

int storage_save_vote(struct storage *storage, int32_t term, int32_t voted_for,
                      struct storage_error *error)
{
    storage->term = term;
    storage->voted_for = voted_for;
    return state_add_vote(&storage->file, term, voted_for) < 0 ? fail_by_errno(error, NAME) : 0;
}

int storage_save_entry(struct storage *storage, int32_t index, const struct log_entry *entry,
                       struct storage_error *error)
{
    storage->count = index;
    return state_add_entry(&storage->file, index, entry) < 0 ? fail_by_errno(error, NAME) : 0;
}

/* The write itself flushes; and what was found was flushed at the start. */
int storage_sync(struct storage *storage, struct storage_error *error)
{
    return state_write(&storage->file) < 0 ? fail_by_errno(error, NAME) : 0;
}
