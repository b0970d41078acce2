/* folder.c - the folder of folder.h. */
#include "folder.h"

#include "journal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

static const char SERVER[] = "server", NEW_SERVER[] = "server.new", JOURNAL[] = "journal";

int folder_fail_call(const struct folder *folder, const char *file, const char *call,
                     struct storage_error *error)
{
    return folder_fail(error, "%.120s/%s: %s: %s", folder->name, file, call, strerror(errno));
}

ssize_t folder_read_all(int fd, void *data, size_t len, off_t offset)
{
    size_t got = 0;

    while (got < len) {
        ssize_t n = pread(fd, (uint8_t *)data + got, len - got, offset + (off_t)got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        got += (size_t)n;
    }
    return (ssize_t)got;
}

int folder_write_all(int fd, const void *data, size_t len, off_t offset)
{
    size_t put = 0;

    while (put < len) {
        ssize_t n = pwrite(fd, (const uint8_t *)data + put, len - put, offset + (off_t)put);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        put += (size_t)n;
    }
    return 0;
}

/* --- its making --- */

static int write_head(const struct folder *folder, int fd, const char *file, const char *magic,
                      struct storage_error *error)
{
    const struct journal_head head = {.id = folder->id, .salt = folder->salt};
    uint8_t bytes[JOURNAL_HEAD_SIZE];

    journal_write_head(bytes, magic, &head);
    if (folder_write_all(fd, bytes, sizeof bytes, 0) < 0)
        return folder_fail_call(folder, file, "write", error);
    if (folder->does_flush && fsync(fd) < 0)
        return folder_fail_call(folder, file, "fsync", error);
    return 0;
}

/* fsync(2): "Calling fsync() does not necessarily ensure that the entry in the directory containing
 * the file has also reached disk." */
static int flush_names(const struct folder *folder, struct storage_error *error)
{
    if (folder->does_flush && fsync(folder->self) < 0)
        return folder_fail_call(folder, ".", "fsync", error);
    return 0;
}

static int flush_own_name(const struct folder *folder, struct storage_error *error)
{
    if (!folder->does_flush)
        return 0;
    int parent = openat(folder->self, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (parent < 0)
        return folder_fail_call(folder, "..", "open", error);
    int result = fsync(parent) < 0 ? folder_fail_call(folder, "..", "fsync", error) : 0;
    close(parent);
    return result;
}

static int make_journal(struct folder *folder, struct storage_error *error)
{
    if (folder->journal >= 0)
        close(folder->journal);
    folder->journal = openat(folder->self, JOURNAL, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (folder->journal < 0)
        return folder_fail_call(folder, JOURNAL, "open", error);
    if (getrandom(&folder->salt, sizeof folder->salt, 0) != (ssize_t)sizeof folder->salt)
        return folder_fail_call(folder, JOURNAL, "getrandom", error);
    return write_head(folder, folder->journal, JOURNAL, JOURNAL_MAGIC, error);
}

/* Whoever finds this file finds all of it, and the journal too: rename(2) replaces a name at
 * once. */
static int make_server(const struct folder *folder, struct storage_error *error)
{
    int fd = openat(folder->self, NEW_SERVER, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);

    if (fd < 0)
        return folder_fail_call(folder, NEW_SERVER, "open", error);
    int result = write_head(folder, fd, NEW_SERVER, JOURNAL_SERVER_MAGIC, error);
    if (close(fd) < 0 && result == 0)
        result = folder_fail_call(folder, NEW_SERVER, "close", error);
    if (result == 0)
        result = flush_names(folder, error);
    if (result == 0 && renameat(folder->self, NEW_SERVER, folder->self, SERVER) < 0)
        result = folder_fail_call(folder, NEW_SERVER, "rename", error);
    return result;
}

/* --- what is there --- */

static int check_head(const struct folder *folder, int fd, const char *file, const char *magic,
                      struct journal_head *head, struct storage_error *error)
{
    uint8_t bytes[JOURNAL_HEAD_SIZE];
    uint32_t version;
    ssize_t n = folder_read_all(fd, bytes, sizeof bytes, 0);

    if (n < 0)
        return folder_fail_call(folder, file, "read", error);
    if (n < JOURNAL_HEAD_SIZE)
        return folder_fail(error, "%.120s/%s: damaged: %zd bytes, and its head has %d",
                           folder->name, file, n, JOURNAL_HEAD_SIZE);
    switch (journal_read_head(bytes, magic, head, &version)) {
    case JOURNAL_HEAD_GOOD: break;
    case JOURNAL_HEAD_BAD:
        return folder_fail(error, "%.120s/%s: damaged: the checksum of its head is wrong",
                           folder->name, file);
    case JOURNAL_HEAD_FOREIGN:
        if (version == 0)
            return folder_fail(error, "%.120s/%s: damaged, or not a file of this program",
                               folder->name, file);
        return folder_fail(error, "%.120s/%s: version %" PRIu32 ", and this program knows %d",
                           folder->name, file, version, JOURNAL_VERSION);
    }
    if (head->id != folder->id)
        return folder_fail(error, "%.120s/%s: of server %d, and this is server %d", folder->name,
                           file, head->id, folder->id);
    return 0;
}

static int check_files(struct folder *folder, int server, struct storage_error *error)
{
    struct journal_head head, journal_head;

    if (folder->journal < 0)
        return folder_fail(error, "%.120s/%s: missing, though %s is there", folder->name, JOURNAL,
                           SERVER);
    if (check_head(folder, server, SERVER, JOURNAL_SERVER_MAGIC, &head, error) < 0 ||
        check_head(folder, folder->journal, JOURNAL, JOURNAL_MAGIC, &journal_head, error) < 0)
        return -1;
    if (head.salt != journal_head.salt)
        return folder_fail(error, "%.120s/%s: not the one that %s was made with", folder->name,
                           JOURNAL, SERVER);
    folder->salt = head.salt;
    return 0;
}

static int make_files(struct folder *folder, struct storage_error *error)
{
    struct stat journal = {0};

    if (folder->journal >= 0 && fstat(folder->journal, &journal) < 0)
        return folder_fail_call(folder, JOURNAL, "stat", error);
    if (journal.st_size > JOURNAL_HEAD_SIZE)
        return folder_fail(error, "%.120s/%s: missing, though %s has records", folder->name, SERVER,
                           JOURNAL);
    return make_journal(folder, error) < 0 ? -1 : make_server(folder, error);
}

/* -1 for a file that is not there. */
static int open_file(const struct folder *folder, const char *file, int flags, int *fd,
                     struct storage_error *error)
{
    *fd = openat(folder->self, file, flags | O_CLOEXEC);
    return *fd < 0 && errno != ENOENT ? folder_fail_call(folder, file, "open", error) : 0;
}

/* An earlier process may have ended before it flushed the names. */
static int open_files(struct folder *folder, struct storage_error *error)
{
    int server, result;

    if (open_file(folder, SERVER, O_RDONLY, &server, error) < 0)
        return -1;
    result = open_file(folder, JOURNAL, O_RDWR, &folder->journal, error);
    if (result == 0)
        result = server >= 0 ? check_files(folder, server, error) : make_files(folder, error);
    if (result == 0)
        result = flush_names(folder, error);
    if (server >= 0)
        close(server);
    return result;
}

/* The lock is the folder's own, so no file is in its way; flock(2): it ends with the descriptor,
 * however the process ends. */
static int enter(struct folder *folder, struct storage_error *error)
{
    if (mkdir(folder->name, 0777) < 0 && errno != EEXIST)
        return folder_fail_call(folder, "", "mkdir", error);
    folder->self = open(folder->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder->self < 0)
        return folder_fail_call(folder, "", "open", error);
    if (flock(folder->self, LOCK_EX | LOCK_NB) == 0)
        return 0;
    if (errno == EWOULDBLOCK)
        return folder_fail(error, "%.120s/: another process has it open", folder->name);
    return folder_fail_call(folder, "", "flock", error);
}

int folder_open(struct folder *folder, struct storage_error *error)
{
    folder->self = -1;
    folder->journal = -1;
    if (enter(folder, error) == 0 && flush_own_name(folder, error) == 0 &&
        open_files(folder, error) == 0)
        return 0;
    folder_close(folder);
    return -1;
}

void folder_close(struct folder *folder)
{
    if (folder->journal >= 0)
        close(folder->journal);
    if (folder->self >= 0)
        close(folder->self);
    folder->journal = -1;
    folder->self = -1;
}
