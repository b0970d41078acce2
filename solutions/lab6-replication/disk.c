/* disk.c - the loops around system calls of disk.h. */
#include "disk.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum { AHEAD = 1 << 20 };

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

/* An error is never tried again: the pages that could not be written may count as clean now, and
 * the next flush would say that all is well. */
int disk_flush(int fd)
{
    int result;

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
