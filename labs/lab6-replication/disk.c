/* disk.c - the loops around system calls of disk.h.
 *
 * A call may do less than it was asked for, or be interrupted.  Which of these calls may simply be
 * made again when it has failed, and for which is that a lie? */
#include "disk.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* Stage 6.15: pread(2).  When is the end of the file reached, and when did it only give less? */
ssize_t disk_read(int fd, int64_t at, uint8_t *data, size_t len)
{
    (void)fd;
    (void)at;
    (void)data;
    (void)len;
    /* Your code here. */
    errno = ENOSYS;
    return -1;
}

/* Stage 6.15: pwrite(2).  Lab 1's net_write_all is the same loop. */
int disk_write(int fd, int64_t at, const uint8_t *data, size_t len)
{
    (void)fd;
    (void)at;
    (void)data;
    (void)len;
    /* Your code here. */
    errno = ENOSYS;
    return -1;
}

/* Stage 6.15: fdatasync(2) or fsync(2)?  Stage 6.16: after EIO, what would a second call say? */
int disk_flush(int fd)
{
    (void)fd;
    /* Your code here. */
    errno = ENOSYS;
    return -1;
}

/* Stage 6.15: fsync(2), "the entry in the directory". */
int disk_flush_names(int folder)
{
    (void)folder;
    /* Your code here. */
    errno = ENOSYS;
    return -1;
}

/* Stage 6.15: ftruncate(2). */
int disk_cut(int fd, int64_t size)
{
    (void)fd;
    (void)size;
    /* Your code here. */
    errno = ENOSYS;
    return -1;
}

/* Stage 6.15: of a file of 1 GiB with a million records, how many bytes are in memory at a time, and
 * how many calls is it read with? */
const uint8_t *disk_see(struct disk_window *window, int64_t at, size_t len)
{
    (void)window;
    (void)at;
    (void)len;
    /* Your code here. */
    errno = ENOSYS;
    return NULL;
}
