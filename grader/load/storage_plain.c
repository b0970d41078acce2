/* storage_plain.c - the least that keeps a log: its bytes go to the end of a file, in one piece a
 * batch, and that is flushed.  No sums, no way back, and nothing of a crash is noticed. */
#include "storage_bench.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIECE = 1 << 20 };

static uint8_t piece[PIECE + sizeof(uint32_t) + MOST_SIZE];
static size_t used, first; /* of the piece: bytes that are there, and of them were read */
static int fd;

static bool complain(const char *what)
{
    perror(what);
    return false;
}

static bool open_folder(const char *folder)
{
    char path[4096];

    snprintf(path, sizeof path, "%s/log", folder);
    mkdir(folder, 0700);
    used = first = 0;
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    return fd >= 0 || complain(path);
}

/* Reads on, so that a whole entry is there.  False at the end. */
static bool has_entry(void)
{
    uint32_t size = 0;

    for (;;) {
        if (used - first >= sizeof size) {
            memcpy(&size, piece + first, sizeof size);
            if (used - first >= sizeof size + size)
                return true;
        }
        used -= first;
        memmove(piece, piece + first, used);
        first = 0;
        ssize_t n = read(fd, piece + used, PIECE - used);
        if (n <= 0)
            return false;
        used += (size_t)n;
    }
}

static bool read_entry(long number, const uint8_t **data, size_t *entry_size)
{
    uint32_t size;

    (void)number;
    if (!has_entry())
        return complain("read");
    memcpy(&size, piece + first, sizeof size);
    *data = piece + first + sizeof size;
    *entry_size = size;
    first += sizeof size + size;
    return true;
}

static long count(void)
{
    long found = 0;
    const uint8_t *data;
    size_t size;

    while (has_entry() && read_entry(found, &data, &size))
        found++;
    used = first = 0;
    return lseek(fd, 0, SEEK_SET) == 0 ? found : -1;
}

static bool write_piece(void)
{
    if (write(fd, piece, used) != (ssize_t)used)
        return complain("write");
    used = 0;
    return true;
}

static bool save(long number, const uint8_t *data, size_t size)
{
    uint32_t header = (uint32_t)size;

    (void)number;
    memcpy(piece + used, &header, sizeof header);
    memcpy(piece + used + sizeof header, data, size);
    used += sizeof header + size;
    return used < PIECE || write_piece();
}

static bool sync_file(void)
{
    return write_piece() && (fdatasync(fd) == 0 || complain("fdatasync"));
}

static void close_file(void)
{
    close(fd);
}

const struct kept_log kept_log = {open_folder, count, read_entry, save, sync_file, close_file};
