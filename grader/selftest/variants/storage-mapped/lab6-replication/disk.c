/* disk.c - files that are written through memory: mmap(2) of the whole file, msync(2) to flush.
 *
 * A file grows before it is mapped, so a full disk is an error of posix_fallocate(3) and no SIGBUS.
 * What begins a file is written: zeros in its place would be damage. */
#include "disk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { AHEAD = 1 << 20, FILES = 4 };

struct mapped {
    dev_t device;
    ino_t number;
    uint8_t *data; /* NULL: unused */
    size_t len;
};

static struct mapped files[FILES];
static int next_out; /* of the files, when another one needs room */

static struct mapped *find(const struct stat *status)
{
    for (int i = 0; i < FILES; i++)
        if (files[i].data != NULL && files[i].number == status->st_ino &&
            files[i].device == status->st_dev)
            return &files[i];
    return NULL;
}

static struct mapped *make_room(const struct stat *status)
{
    struct mapped *file = &files[next_out++ % FILES];

    if (file->data != NULL)
        munmap(file->data, file->len); /* what was stored stays in the kernel's pages */
    *file = (struct mapped){.device = status->st_dev, .number = status->st_ino};
    return file;
}

/* All of the file, which has that size. */
static struct mapped *map(int fd, const struct stat *status, size_t size)
{
    struct mapped *file = find(status);

    if (file != NULL && file->len >= size)
        return file;
    void *data = file != NULL
                     ? mremap(file->data, file->len, size, MREMAP_MAYMOVE)
                     : mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (data == MAP_FAILED)
        return NULL;
    if (file == NULL)
        file = make_room(status);
    file->data = data;
    file->len = size;
    return file;
}

static int grow_file(int fd, off_t before, off_t after)
{
    int error = 0;

    do
        if (after > before)
            error = posix_fallocate(fd, before, after - before);
    while (error == EINTR);
    errno = error;
    return error == 0 ? 0 : -1;
}

static int write_through(int fd, int64_t at, const uint8_t *data, size_t len)
{
    while (len > 0) {
        ssize_t n = pwrite(fd, data, len, at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        data += n;
        at += n;
        len -= (size_t)n;
    }
    return 0;
}

ssize_t disk_read(int fd, int64_t at, uint8_t *data, size_t len)
{
    size_t done = 0;

    while (done < len) {
        ssize_t n = pread(fd, data + done, len - done, at + (off_t)done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        done += (size_t)n;
    }
    return (ssize_t)done;
}

int disk_write(int fd, int64_t at, const uint8_t *data, size_t len)
{
    struct stat status;

    if (len == 0)
        return 0;
    if (at == 0)
        return write_through(fd, at, data, len);
    if (fstat(fd, &status) < 0 || grow_file(fd, status.st_size, at + (off_t)len) < 0)
        return -1;
    struct mapped *file = map(fd, &status, (size_t)at + len);
    if (file == NULL)
        return -1;
    memcpy(file->data + at, data, len);
    return 0;
}

/* An error is never tried again: the next flush would say that all is well. */
int disk_flush(int fd)
{
    struct stat status;
    int result;

    if (fstat(fd, &status) < 0)
        return -1;
    const struct mapped *file = find(&status);
    if (file != NULL)
        return msync(file->data, file->len, MS_SYNC);
    while ((result = fdatasync(fd)) < 0 && errno == EINTR)
        ;
    return result;
}

int disk_flush_names(int folder)
{
    int result;

    while ((result = fsync(folder)) < 0 && errno == EINTR)
        ;
    return result;
}

/* Pages behind the new end stay mapped, and are not touched before the file grows again. */
int disk_cut(int fd, int64_t size)
{
    int result;

    while ((result = ftruncate(fd, size)) < 0 && errno == EINTR)
        ;
    return result;
}

static int grow(struct disk_window *window, size_t needed)
{
    size_t capacity = needed < AHEAD ? AHEAD : needed;
    uint8_t *data = window->data;

    if (capacity <= window->capacity)
        return 0;
    data = realloc(data, capacity);
    if (data == NULL)
        return -1;
    window->data = data;
    window->capacity = capacity;
    return 0;
}

const uint8_t *disk_see(struct disk_window *window, int64_t at, size_t len)
{
    if (at < window->start || at + (int64_t)len > window->start + (int64_t)window->len) {
        if (grow(window, len) < 0)
            return NULL;
        window->start = at;
        window->len = 0;
        ssize_t n = disk_read(window->fd, at, window->data, window->capacity);
        if (n < 0)
            return NULL;
        window->len = (size_t)n;
    }
    if (at + (int64_t)len > window->start + (int64_t)window->len) {
        errno = EIO; /* the file has become shorter */
        return NULL;
    }
    return window->data + (at - window->start);
}
