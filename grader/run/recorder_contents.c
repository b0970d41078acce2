/* recorder_contents.c - files that change without a call that says how: through memory that they are
 * mapped into, or by bytes that pass no memory of the program's.  What is in them is read when it is
 * flushed, and after such a call, and told by pages that are not as they were told last:
 *
 *     m    u64 device | u64 number | u64 at | u8 whether the file ends there | bytes
 *     s    u64 device | u64 number | u64 from | u64 to        what an msync is about
 *
 * Which mappings there are, the kernel says: proc(5), maps. */
#include "recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PAGE = 4096, MOST_FILES = 128, FIRST_FD = 128 };

/* A file that is or was mapped, or copied to.  It is held open, since the program may not, and so
 * that no other one gets its number. */
struct file {
    int fd; /* 0: none */
    dev_t device;
    ino_t number;
    uint64_t *told; /* of each page a hash of what was told last, or 0 */
    size_t pages;
};

static struct file files[MOST_FILES];
static int next_out;

static struct file *find_file(const struct stat *status)
{
    for (int i = 0; i < MOST_FILES; i++)
        if (files[i].fd != 0 && files[i].device == status->st_dev &&
            files[i].number == status->st_ino)
            return &files[i];
    return NULL;
}

/* The file behind a descriptor of the program's.  Takes the place of the one that came first, if
 * there are too many. */
static struct file *remember(const struct thread *t, int fd)
{
    char path[64];
    struct stat status;

    if (!stat_fd(t, fd, &status) || !S_ISREG(status.st_mode))
        return NULL;
    struct file *file = find_file(&status);
    if (file != NULL)
        return file;
    snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)t->id, fd);
    int again = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    int kept = again < 0 ? -1 : fcntl(again, F_DUPFD_CLOEXEC, FIRST_FD);
    if (again >= 0)
        close(again);
    if (kept < 0)
        return NULL;
    file = &files[next_out++ % MOST_FILES];
    if (file->fd != 0)
        close(file->fd);
    free(file->told);
    *file = (struct file){.fd = kept, .device = status.st_dev, .number = status.st_ino};
    return file;
}

void remember_mapped(const struct thread *t)
{
    remember(t, (int)t->args[t->call->fd]);
}

/* --- what is in a file --- */

static uint64_t hash_of(const uint8_t *data, size_t len)
{
    uint64_t hash = 0xcbf29ce484222325; /* FNV-1a, by words */

    for (size_t at = 0; at < len; at += sizeof hash) {
        uint64_t word = 0;
        memcpy(&word, data + at, len - at < sizeof word ? len - at : sizeof word);
        hash = (hash ^ word) * 0x100000001b3;
        hash ^= hash >> 32;
    }
    return hash == 0 ? 1 : hash;
}

static void tell_bytes(const struct file *file, uint64_t at, const uint8_t *data, size_t len,
                       bool is_end)
{
    uint64_t head[] = {file->device, file->number, at};
    enum { HEAD = sizeof head + 1 };
    uint8_t *piece = malloc(HEAD + len);

    if (piece == NULL)
        _exit(EXIT_FAILURE);
    memcpy(piece, head, sizeof head);
    piece[HEAD - 1] = is_end;
    if (len > 0)
        memcpy(piece + HEAD, data, len);
    tell('m', piece, HEAD + len);
    free(piece);
}

static void make_room(struct file *file, uint64_t size)
{
    size_t pages = (size_t)(size / PAGE) + 1;

    if (pages <= file->pages)
        return;
    file->told = realloc(file->told, pages * sizeof *file->told);
    if (file->told == NULL)
        _exit(EXIT_FAILURE);
    memset(file->told + file->pages, 0, (pages - file->pages) * sizeof *file->told);
    file->pages = pages;
}

/* A window of the file, whose pages are told in runs. */
static void tell_window(struct file *file, uint64_t at, const uint8_t *data, size_t len)
{
    size_t run = 0; /* where it begins */

    for (size_t i = 0; i < len; i += PAGE) {
        size_t part = len - i < PAGE ? len - i : PAGE;
        uint64_t hash = hash_of(data + i, part);
        uint64_t *told = &file->told[(at + i) / PAGE];
        if (hash == *told) {
            if (run < i)
                tell_bytes(file, at + run, data + run, i - run, false);
            run = i + PAGE;
        }
        *told = hash;
    }
    if (run < len)
        tell_bytes(file, at + run, data + run, len - run, false);
}

/* Where data of the file begins, from a page on, and where that ends. */
static bool next_data(const struct file *file, uint64_t from, uint64_t *start, uint64_t *end)
{
    off_t data = lseek(file->fd, (off_t)from, SEEK_DATA);

    if (data < 0 && errno == ENXIO)
        return false;
    off_t hole = data < 0 ? -1 : lseek(file->fd, data, SEEK_HOLE);
    *start = from;
    *end = UINT64_MAX; /* this file system does not tell */
    if (hole >= 0) {
        *start = (uint64_t)data / PAGE * PAGE;
        *end = ((uint64_t)hole + PAGE - 1) / PAGE * PAGE;
    }
    return true;
}

/* Both places are those of pages, or the second is where the file ends. */
static void tell_pages(struct file *file, uint64_t start, uint64_t end)
{
    enum { WINDOW = 256 * PAGE };
    static uint8_t window[WINDOW];

    while (start < end) {
        size_t len = end - start < WINDOW ? (size_t)(end - start) : WINDOW, done = 0;
        while (done < len) {
            ssize_t n = pread(file->fd, window + done, len - done, (off_t)(start + done));
            if (n == 0 || (n < 0 && errno != EINTR))
                return;
            done += n > 0 ? (size_t)n : 0;
        }
        tell_window(file, start, window, len);
        start += len;
    }
}

static uint64_t size_of(struct file *file)
{
    struct stat status;
    uint64_t size = fstat(file->fd, &status) < 0 ? 0 : (uint64_t)status.st_size;

    make_room(file, size);
    return size;
}

/* Stores between two pages.  Holes are left out: nothing was stored there. */
static void tell_stores(struct file *file, uint64_t from, uint64_t to)
{
    uint64_t size = size_of(file), start, end;

    if (to > size)
        to = size;
    while (from < to && next_data(file, from, &start, &end) && start < to) {
        tell_pages(file, start, end < to ? end : to);
        from = end;
    }
}

void tell_content(const struct thread *t, int fd)
{
    struct file *file = remember(t, fd);

    if (file == NULL)
        return;
    uint64_t size = size_of(file);
    tell_pages(file, 0, size);
    tell_bytes(file, size, NULL, 0, true);
}

/* --- mappings --- */

/* Part of a file that is mapped to be shared. */
struct part {
    uint64_t from, to;
    ino_t number;
    char name[PATH_MAX];
};

/* Whether a line of maps is about such a part, as far as it lies between two addresses. */
static bool parse(const char *line, uint64_t from, uint64_t to, struct part *part)
{
    unsigned long start, end, offset, number;
    char rights[8];
    int name = 0;

    if (sscanf(line, "%lx-%lx %7s %lx %*s %lu %n", &start, &end, rights, &offset, &number, &name) <
            5 ||
        rights[3] != 's' || number == 0 || start >= to || end <= from)
        return false;
    part->from = offset + (from > start ? from - start : 0);
    part->to = offset + ((to < end ? to : end) - start);
    part->number = number;
    snprintf(part->name, sizeof part->name, "%.*s", (int)strcspn(line + name, "\n"), line + name);
    return true;
}

/* By the name that both have at this moment, and by the number: file systems in layers have two. */
static struct file *file_of(const struct part *part)
{
    char path[64], name[PATH_MAX];
    struct file *found = NULL;
    int best = 0;

    for (int i = 0; i < MOST_FILES; i++) {
        if (files[i].fd == 0)
            continue;
        snprintf(path, sizeof path, "/proc/self/fd/%d", files[i].fd);
        ssize_t len = readlink(path, name, sizeof name - 1);
        name[len < 0 ? 0 : len] = '\0';
        int fits = 2 * (strcmp(name, part->name) == 0) + (files[i].number == part->number);
        if (fits > best) {
            found = &files[i];
            best = fits;
        }
    }
    return found;
}

/* Tells each part, unless it is only asked whether there is any. */
static bool walk(const struct thread *t, uint64_t address, uint64_t len, bool tells)
{
    char path[64], line[PATH_MAX + 200];
    struct part part;
    bool any = false;

    if (len > UINT64_MAX - address - PAGE)
        return false;
    uint64_t to = (address + len + PAGE - 1) / PAGE * PAGE;
    snprintf(path, sizeof path, "/proc/%d/maps", (int)t->id);
    FILE *maps = fopen(path, "re");
    while (maps != NULL && fgets(line, sizeof line, maps) != NULL) {
        if (!parse(line, address, to, &part))
            continue;
        struct file *file = file_of(&part);
        if (file == NULL)
            continue;
        any = true;
        if (!tells)
            break;
        tell_stores(file, part.from, part.to);
        uint64_t span[] = {file->device, file->number, part.from, part.to};
        tell('s', span, sizeof span);
    }
    if (maps != NULL)
        fclose(maps);
    return any;
}

bool is_mapped(const struct thread *t)
{
    return walk(t, t->args[0], t->args[1], false);
}

void tell_mapped(const struct thread *t)
{
    struct stat status;

    if (t->call->number == SYS_msync) {
        walk(t, t->args[0], t->args[1], true);
        return;
    }
    bool is_all = t->call->number == SYS_sync || t->call->number == SYS_syncfs;
    for (int i = 0; is_all && i < MOST_FILES; i++)
        if (files[i].fd != 0)
            tell_stores(&files[i], 0, UINT64_MAX);
    if (is_all)
        return;
    struct file *file = stat_fd(t, (int)t->args[0], &status) ? find_file(&status) : NULL;
    if (file != NULL)
        tell_stores(file, 0, UINT64_MAX);
}

bool moves_content(const struct thread *t)
{
    const uint64_t followed = FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE;

    return t->call->what == WHAT_COPY ||
           (t->call->number == SYS_fallocate && (t->args[1] & UINT32_MAX & ~followed) != 0);
}
