/* recorder_contents.c - files that change without a call that says how: through memory that they are
 * mapped into, or by bytes that pass no memory of the program's.  What is in them is told as a piece
 *
 *     u64 device | u64 number | u64 at | u8 whether the file ends with it | bytes
 *
 * when it is flushed, and after such a call. */
#include "recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MOST_CONTENT = 1 << 28 };

/* Of a file that is or was mapped: the recorder holds it open, since the program may not. */
struct mapped {
    int fd;
    dev_t device;
    ino_t number;
};

struct mapping {
    uint64_t address, len, offset;
    size_t file; /* index in files */
};

static struct mapped *files;
static struct mapping *mappings;
static size_t file_count, mapping_count;

/* Room for one more. */
static void *grown(void *list, size_t count, size_t size)
{
    if ((count & (count - 1)) != 0) /* doubles where count is a power of two */
        return list;
    list = realloc(list, (count == 0 ? 1 : 2 * count) * size);
    if (list == NULL)
        die("realloc");
    return list;
}

static int open_again(const struct thread *t, int fd)
{
    char path[64];

    snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)t->id, fd);
    return open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
}

/* The index of the file, or -1 if none is there. */
static ssize_t file_of(int fd)
{
    struct stat status;

    if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode))
        return -1;
    for (size_t i = 0; i < file_count; i++)
        if (files[i].device == status.st_dev && files[i].number == status.st_ino)
            return (ssize_t)i;
    int kept = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (kept < 0)
        die("too many files are mapped");
    files = grown(files, file_count, sizeof *files);
    files[file_count] = (struct mapped){kept, status.st_dev, status.st_ino};
    return (ssize_t)file_count++;
}

/* The last one that was made there: what lies under it is gone. */
static const struct mapping *mapping_at(uint64_t address, uint64_t len)
{
    for (size_t i = mapping_count; i-- > 0;)
        if (address < mappings[i].address + mappings[i].len && mappings[i].address < address + len)
            return &mappings[i];
    return NULL;
}

static void add_mapping(struct mapping made)
{
    size_t kept = 0;

    for (size_t i = 0; i < mapping_count; i++) /* those that it lies on */
        if (mappings[i].address < made.address ||
            mappings[i].address + mappings[i].len > made.address + made.len)
            mappings[kept++] = mappings[i];
    mapping_count = kept;
    mappings = grown(mappings, mapping_count, sizeof *mappings);
    mappings[mapping_count++] = made;
}

void remember_mapping(const struct thread *t, uint64_t address)
{
    struct mapping made = {.address = address};

    if (t->call->number == SYS_mremap) {
        const struct mapping *before = mapping_at(t->args[0], 1);
        if (before == NULL)
            return;
        made.len = t->args[2];
        made.offset = before->offset + (t->args[0] - before->address);
        made.file = before->file;
        add_mapping(made);
        return;
    }
    int fd = open_again(t, (int)t->args[4]);
    ssize_t file = fd < 0 ? -1 : file_of(fd);
    if (fd >= 0)
        close(fd);
    if (file < 0)
        return;
    made.len = t->args[1];
    made.offset = t->args[5];
    made.file = (size_t)file;
    add_mapping(made);
}

bool is_mapped(uint64_t address, uint64_t len)
{
    return mapping_at(address, len) != NULL;
}

/* --- what is in them --- */

static void tell_part(int fd, uint64_t at, uint64_t len)
{
    struct stat status;
    struct {
        uint64_t device, number, at;
        uint8_t is_end;
    } head;

    if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode))
        return;
    uint64_t size = (uint64_t)status.st_size;
    if (at > size)
        at = size;
    if (len > size - at)
        len = size - at;
    if (len > MOST_CONTENT)
        len = MOST_CONTENT;
    head.device = status.st_dev;
    head.number = status.st_ino;
    head.at = at;
    head.is_end = at + len == size;

    enum { HEAD = 3 * sizeof(uint64_t) + 1 };
    char *piece = malloc(HEAD + len);
    if (piece == NULL)
        die("malloc");
    memcpy(piece, &head, HEAD);
    size_t done = 0;
    while (done < len) {
        ssize_t n = pread(fd, piece + HEAD + done, len - done, (off_t)(at + done));
        if (n == 0 || (n < 0 && errno != EINTR))
            break;
        done += n > 0 ? (size_t)n : 0;
    }
    tell('m', piece, HEAD + done);
    free(piece);
}

void tell_content(const struct thread *t, int fd)
{
    int again = open_again(t, fd);

    if (again < 0)
        return;
    tell_part(again, 0, UINT64_MAX);
    close(again);
}

/* Of each mapping, what the range has of it. */
static void tell_range(uint64_t address, uint64_t len)
{
    for (size_t i = 0; i < mapping_count; i++) {
        const struct mapping *m = &mappings[i];
        uint64_t from = address > m->address ? address : m->address;
        uint64_t to = address + len < m->address + m->len ? address + len : m->address + m->len;
        if (from < to)
            tell_part(files[m->file].fd, m->offset + (from - m->address), to - from);
    }
}

void tell_mapped(const struct thread *t)
{
    struct stat status;
    char path[64];

    if (t->call->number == SYS_msync) {
        tell_range(t->args[0], t->args[1]);
        return;
    }
    bool is_all = t->call->number == SYS_sync || t->call->number == SYS_syncfs;
    snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)t->id, (int)t->args[0]);
    if (!is_all && (file_count == 0 || stat(path, &status) < 0))
        return;
    for (size_t i = 0; i < file_count; i++)
        if (is_all || (files[i].device == status.st_dev && files[i].number == status.st_ino))
            tell_part(files[i].fd, 0, UINT64_MAX);
}
