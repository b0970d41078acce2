/* raft_node_vote.c - term and vote on disk, 28 bytes; all numbers little-endian:
 *
 *     8 bytes "RAFTVOTE" | u32 version (1) | i32 id | i32 term | i32 voted_for | u32 CRC-32
 *
 * The checksum is over all bytes before it.  The file is never changed, but replaced: a new one is
 * written beside it, flushed, and takes its name (rename(2) "atomically replac[es]"); then the
 * folder is flushed, which holds the names.  So whenever the power fails there is the old file or
 * the new one, whole: any other content was no crash's doing. */
#include "raft_node.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

enum { VERSION = 1, MAGIC_SIZE = 8, SUMMED_SIZE = 24, FILE_SIZE = 28 };

static const char NAME[] = "vote", NEW_NAME[] = "vote.new", MAGIC[] = "RAFTVOTE";

static void put_u32(uint8_t *out, uint32_t number)
{
    for (int i = 0; i < 4; i++)
        out[i] = (uint8_t)(number >> (8 * i));
}

static uint32_t get_u32(const uint8_t *in)
{
    return in[0] | (uint32_t)in[1] << 8 | (uint32_t)in[2] << 16 | (uint32_t)in[3] << 24;
}

/* The CRC-32 of zlib, Ethernet and gzip: ISO 3309; bit by bit, since this is done rarely. */
static uint32_t crc32(const uint8_t *data, size_t len)
{
    uint32_t crc = UINT32_MAX;

    for (size_t i = 0; i < len; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (0xEDB88320 & -(crc & 1));
    }
    return ~crc;
}

/* --- reading --- */

static void decode(const struct vote_file *file, const uint8_t *bytes, int32_t *term,
                   int32_t *voted_for)
{
    if (memcmp(bytes, MAGIC, MAGIC_SIZE) != 0)
        errx(EXIT_FAILURE, "%s/%s is damaged: it does not begin with %s", file->name, NAME, MAGIC);
    if (get_u32(bytes + 8) != VERSION)
        errx(EXIT_FAILURE, "%s/%s has version %u, and version %d is known", file->name, NAME,
             get_u32(bytes + 8), VERSION);
    if (get_u32(bytes + SUMMED_SIZE) != crc32(bytes, SUMMED_SIZE))
        errx(EXIT_FAILURE, "%s/%s is damaged: its checksum is wrong", file->name, NAME);
    int32_t owner = (int32_t)get_u32(bytes + 12);
    if (owner != file->id)
        errx(EXIT_FAILURE, "%s/%s is that of node %d, and this is node %d", file->name, NAME, owner,
             file->id);
    *term = (int32_t)get_u32(bytes + 16);
    *voted_for = (int32_t)get_u32(bytes + 20);
    if (*term < 0 || *voted_for < RAFT_NOBODY || *voted_for > RAFT_MOST_SERVERS)
        errx(EXIT_FAILURE, "%s/%s is damaged: term %d, vote for %d", file->name, NAME, *term,
             *voted_for);
}

/* The bytes that are there, up to size; fewer only at the end of the file. */
static size_t read_all(const struct vote_file *file, int fd, uint8_t *bytes, size_t size)
{
    size_t len = 0;

    while (len < size) {
        ssize_t n = read(fd, bytes + len, size - len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            err(EXIT_FAILURE, "can't read %s/%s", file->name, NAME);
        if (n == 0)
            break;
        len += (size_t)n;
    }
    return len;
}

static void flush_folder(const struct vote_file *file, int folder)
{
    if (!file->no_fsync && (folder < 0 || fsync(folder) < 0))
        err(EXIT_FAILURE, "can't flush the folder of %s/%s", file->name, NAME);
}

/* What another run left may not be on the disk yet: the file's name, or even the folder's. */
static void open_folder(struct vote_file *file)
{
    int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;

    if (mkdir(file->name, 0777) < 0 && errno != EEXIST)
        err(EXIT_FAILURE, "can't make %s", file->name);
    file->folder = open(file->name, flags);
    if (file->folder < 0)
        err(EXIT_FAILURE, "can't open %s", file->name);
    file->spare = openat(file->folder, "..", flags);
    flush_folder(file, file->folder);
    flush_folder(file, file->spare);
}

void vote_file_open(struct vote_file *file, int32_t *term, int32_t *voted_for)
{
    uint8_t bytes[FILE_SIZE + 1];

    *term = 0;
    *voted_for = RAFT_NOBODY;
    open_folder(file);
    int fd = openat(file->folder, NAME, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return;
    if (fd < 0)
        err(EXIT_FAILURE, "can't open %s/%s", file->name, NAME);
    size_t len = read_all(file, fd, bytes, sizeof bytes);
    close(fd);
    if (len != FILE_SIZE)
        errx(EXIT_FAILURE, "%s/%s is damaged: it has %s than %d bytes", file->name, NAME,
             len < FILE_SIZE ? "fewer" : "more", FILE_SIZE);
    decode(file, bytes, term, voted_for);
}

/* --- writing --- */

static void write_all(const struct vote_file *file, int fd, const uint8_t *bytes, size_t size)
{
    while (size > 0) {
        ssize_t n = write(fd, bytes, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            err(EXIT_FAILURE, "can't write %s/%s", file->name, NEW_NAME);
        bytes += n;
        size -= (size_t)n;
    }
}

static void encode(int32_t id, int32_t term, int32_t voted_for, uint8_t *bytes)
{
    memcpy(bytes, MAGIC, MAGIC_SIZE);
    put_u32(bytes + 8, VERSION);
    put_u32(bytes + 12, (uint32_t)id);
    put_u32(bytes + 16, (uint32_t)term);
    put_u32(bytes + 20, (uint32_t)voted_for);
    put_u32(bytes + SUMMED_SIZE, crc32(bytes, SUMMED_SIZE));
}

/* A node whose descriptors are used up by others may vote all the same: one is spared for that. */
static int open_new(const struct vote_file *file)
{
    close(file->spare);
    int fd = openat(file->folder, NEW_NAME, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0)
        err(EXIT_FAILURE, "can't write %s/%s", file->name, NEW_NAME);
    return fd;
}

static void close_new(struct vote_file *file, int fd)
{
    if (close(fd) < 0)
        err(EXIT_FAILURE, "can't close %s/%s", file->name, NEW_NAME);
    file->spare = fcntl(file->folder, F_DUPFD_CLOEXEC, 0);
}

void vote_file_write(struct vote_file *file, int32_t term, int32_t voted_for)
{
    uint8_t bytes[FILE_SIZE];
    int fd = open_new(file);

    encode(file->id, term, voted_for, bytes);
    write_all(file, fd, bytes, sizeof bytes);
    if (!file->no_fsync && fdatasync(fd) < 0)
        err(EXIT_FAILURE, "can't flush %s/%s", file->name, NEW_NAME);
    close_new(file, fd);
    if (renameat(file->folder, NEW_NAME, file->folder, NAME) < 0)
        err(EXIT_FAILURE, "can't rename %s/%s", file->name, NEW_NAME);
    flush_folder(file, file->folder);
}
