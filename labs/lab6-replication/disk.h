/* disk.h - files, whole: system calls that were cut short or interrupted are made again.  All return
 * -1 with errno. */
#ifndef DISK_H
#define DISK_H

#include <stdint.h>
#include <sys/types.h>

/* The bytes at this place, up to len; fewer only at the end of the file. */
ssize_t disk_read(int fd, int64_t at, uint8_t *data, size_t len);
int disk_write(int fd, int64_t at, const uint8_t *data, size_t len);

/* The content, and as much of the rest as is needed to read it again. */
int disk_flush(int fd);

/* Of a folder: the names in it. */
int disk_flush_names(int folder);
int disk_cut(int fd, int64_t size);

/* Part of a file, in memory.  All zero but for fd and size: nothing of it so far. */
struct disk_window {
    int fd;
    int64_t size; /* of the file */
    int64_t start;
    uint8_t *data;
    size_t len, capacity;
};

/* Lends len bytes at this place, which the file has, until the next call; in the order of places
 * each byte is read once or twice.  NULL with errno. */
const uint8_t *disk_see(struct disk_window *window, int64_t at, size_t len);

#endif
