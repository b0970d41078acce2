/* recorder_calls.c - which system calls are looked at, and what is told of each.
 *
 * A descriptor is told as what it is at that moment: its file's name, number, size, and the place
 * where the next write goes, all from /proc.  So calls that only move descriptors about (dup, lseek,
 * close, fcntl) need not be followed.  A name is told with its folder as the kernel finds it,
 * without links. */
#include "recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { MOST_VECTORS = 1024, MOST_DATA = 1 << 28, CWD = -2 };

#define N (-1)
/* name, what, fd, path, folder, other path, other folder, data, vector, message */
#define CALL(name, ...)                                                                            \
    {                                                                                              \
#name, SYS_##name, __VA_ARGS__                                                             \
    }
const struct call calls[] = {
    CALL(prctl, WHAT_NOTE, N, N, N, N, N, 1, N, N),
    CALL(read, WHAT_READ, 0, N, N, N, N, N, N, N),
    CALL(pread64, WHAT_READ, 0, N, N, N, N, N, N, N),
    CALL(readv, WHAT_READ, 0, N, N, N, N, N, N, N),
    CALL(preadv, WHAT_READ, 0, N, N, N, N, N, N, N),
    CALL(write, WHAT_WRITE, 0, N, N, N, N, 1, N, N),
    CALL(pwrite64, WHAT_WRITE, 0, N, N, N, N, 1, N, N),
    CALL(writev, WHAT_WRITE, 0, N, N, N, N, N, 1, N),
    CALL(pwritev, WHAT_WRITE, 0, N, N, N, N, N, 1, N),
    CALL(pwritev2, WHAT_WRITE, 0, N, N, N, N, N, 1, N),
    CALL(sendto, WHAT_SEND, 0, N, N, N, N, 1, N, N),
    CALL(sendmsg, WHAT_SEND, 0, N, N, N, N, N, N, 1),
    CALL(fsync, WHAT_FLUSH, 0, N, N, N, N, N, N, N),
    CALL(fdatasync, WHAT_FLUSH, 0, N, N, N, N, N, N, N),
    CALL(sync, WHAT_FLUSH, N, N, N, N, N, N, N, N),
    CALL(syncfs, WHAT_FLUSH, 0, N, N, N, N, N, N, N),
    CALL(openat, WHAT_OPEN, N, 1, 0, N, N, N, N, N),
    CALL(openat2, WHAT_OPEN, N, 1, 0, N, N, N, N, N),
    CALL(renameat2, WHAT_NAMES, N, 1, 0, 3, 2, N, N, N),
    CALL(linkat, WHAT_NAMES, N, 1, 0, 3, 2, N, N, N),
    CALL(symlinkat, WHAT_NAMES, N, 2, 1, N, N, N, N, N),
    CALL(unlinkat, WHAT_NAMES, N, 1, 0, N, N, N, N, N),
    CALL(mkdirat, WHAT_NAMES, N, 1, 0, N, N, N, N, N),
    CALL(mknodat, WHAT_NAMES, N, 1, 0, N, N, N, N, N),
    CALL(truncate, WHAT_SIZE, N, 0, CWD, N, N, N, N, N),
    CALL(ftruncate, WHAT_SIZE, 0, N, N, N, N, N, N, N),
    CALL(fallocate, WHAT_SIZE, 0, N, N, N, N, N, N, N),
    CALL(msync, WHAT_FLUSH, N, N, N, N, N, N, N, N),
    CALL(mmap, WHAT_MAP, 4, N, N, N, N, N, N, N),
    CALL(copy_file_range, WHAT_COPY, 2, N, N, N, N, N, N, N),
    CALL(sendfile, WHAT_COPY, 0, N, N, N, N, N, N, N),
    CALL(splice, WHAT_COPY, 2, N, N, N, N, N, N, N),
    CALL(sendmmsg, WHAT_OTHER, 0, N, N, N, N, N, N, N),
    CALL(renameat, WHAT_NAMES, N, 1, 0, 3, 2, N, N, N),
#ifdef SYS_open /* architectures from before the calls with a folder */
    CALL(open, WHAT_OPEN, N, 0, CWD, N, N, N, N, N),
    CALL(creat, WHAT_OPEN, N, 0, CWD, N, N, N, N, N),
    CALL(rename, WHAT_NAMES, N, 0, CWD, 1, CWD, N, N, N),
    CALL(link, WHAT_NAMES, N, 0, CWD, 1, CWD, N, N, N),
    CALL(symlink, WHAT_NAMES, N, 1, CWD, N, N, N, N, N),
    CALL(unlink, WHAT_NAMES, N, 0, CWD, N, N, N, N, N),
    CALL(rmdir, WHAT_NAMES, N, 0, CWD, N, N, N, N, N),
    CALL(mkdir, WHAT_NAMES, N, 0, CWD, N, N, N, N, N),
    CALL(mknod, WHAT_NAMES, N, 0, CWD, N, N, N, N, N),
#endif
};
const size_t call_count = sizeof calls / sizeof calls[0];

/* --- descriptors --- */

bool stat_fd(const struct thread *t, int fd, struct stat *out)
{
    char path[64];

    snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)t->id, fd);
    return stat(path, out) == 0;
}

/* The line of /proc/PID/fdinfo/FD that begins so, as a number. */
unsigned long long fd_info(const struct thread *t, int fd, const char *key, int base)
{
    char path[64], line[128];
    unsigned long long value = 0;

    snprintf(path, sizeof path, "/proc/%d/fdinfo/%d", (int)t->id, fd);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return 0;
    while (fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, key, strlen(key)) == 0)
            value = strtoull(line + strlen(key), NULL, base);
    fclose(file);
    return value;
}

/* The place for the next write, flags, device, number, mode, size, and then the name. */
static void tell_fd(const struct thread *t, int fd)
{
    char path[64], link[PATH_MAX], text[PATH_MAX + 200];
    struct stat status;

    if (!stat_fd(t, fd, &status))
        return;
    snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)t->id, fd);
    ssize_t len = readlink(path, link, sizeof link - 1);
    if (len < 0)
        return;
    link[len] = '\0';
    bool is_file = S_ISREG(status.st_mode);
    int n = snprintf(text, sizeof text, "%d %llu %llu %llu %llu %u %lld %s", fd,
                     is_file ? fd_info(t, fd, "pos:", 10) : 0,
                     is_file ? fd_info(t, fd, "flags:", 8) : 0, (unsigned long long)status.st_dev,
                     (unsigned long long)status.st_ino, status.st_mode, (long long)status.st_size,
                     link);
    tell('f', text, (size_t)n);
}

bool is_on_disk(const struct thread *t)
{
    struct stat status;

    if (t->call->path != N || t->call->number == SYS_sync)
        return true;
    if (t->call->number == SYS_msync)
        return is_mapped(t);
    if (t->call->fd == N || !stat_fd(t, (int)t->args[t->call->fd], &status))
        return false;
    return S_ISREG(status.st_mode) || S_ISDIR(status.st_mode);
}

/* --- names --- */

/* From the program's memory, a page at a time: a text may end right before memory does. */
static bool copy_text(pid_t thread, uint64_t address, char *out, size_t room)
{
    enum { PAGE = 4096 };

    for (size_t len = 0; len < room;) {
        size_t part = PAGE - (address + len) % PAGE;
        if (part > room - len)
            part = room - len;
        if (!copy_from(thread, address + len, out + len, part))
            return false;
        if (memchr(out + len, '\0', part) != NULL)
            return true;
        len += part;
    }
    return false;
}

/* How a path of the program's begins here, where /proc/self is another process; it goes on with what
 * is left of it. */
static void put_start(const struct thread *t, int folder, const char **path, char *out, size_t room)
{
    static const struct {
        const char *theirs, *here;
    } own[] = {{"/proc/self/", ""}, {"/proc/thread-self/", ""}, {"/dev/fd/", "fd/"}};
    int id = (int)t->id;

    out[0] = '\0';
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
        if (strncmp(*path, own[i].theirs, strlen(own[i].theirs)) == 0) {
            snprintf(out, room, "/proc/%d/%s", id, own[i].here);
            *path += strlen(own[i].theirs);
            return;
        }
    if ((*path)[0] == '/')
        return;
    if (folder == AT_FDCWD)
        snprintf(out, room, "/proc/%d/cwd/", id);
    else
        snprintf(out, room, "/proc/%d/fd/%d%s", id, folder, (*path)[0] == '\0' ? "" : "/");
}

/* The folder of a path, as the kernel finds it, and then the rest. */
static void tell_path(const struct thread *t, int folder, int argument)
{
    char text[PATH_MAX], start[64], base[PATH_MAX + 64], found[PATH_MAX], whole[PATH_MAX * 2 + 2];
    const char *path = text;

    if (!copy_text(t->id, t->args[argument], text, sizeof text))
        return;
    for (size_t len = strlen(text); len > 1 && text[len - 1] == '/';)
        text[--len] = '\0';
    put_start(t, folder == CWD ? AT_FDCWD : (int)t->args[folder], &path, start, sizeof start);
    const char *slash = strrchr(path, '/');
    const char *name = slash == NULL ? path : slash + 1;
    snprintf(base, sizeof base, "%s%.*s", start, (int)(name - path), path);
    if (realpath(base, found) == NULL)
        return;
    int n = snprintf(whole, sizeof whole, "%s/%s", strcmp(found, "/") == 0 ? "" : found, name);
    tell('p', whole, (size_t)n);
}

static void tell_symlink(const struct thread *t)
{
    char text[PATH_MAX];

    if (t->call->path > 0 && strncmp(t->call->name, "symlink", strlen("symlink")) == 0 &&
        copy_text(t->id, t->args[0], text, sizeof text))
        tell('d', text, strlen(text));
}

/* What a link is made to may have no name: device and number of the file. */
static void tell_target(const struct thread *t)
{
    char text[PATH_MAX], start[64], whole[PATH_MAX + 64];
    const char *path = text;
    struct stat status;

    if (t->call->number != SYS_linkat || !copy_text(t->id, t->args[1], text, sizeof text))
        return;
    put_start(t, (int)t->args[0], &path, start, sizeof start);
    snprintf(whole, sizeof whole, "%s%s", start, path);
    if (stat(whole, &status) < 0)
        return;
    uint64_t target[] = {status.st_dev, status.st_ino};
    tell('t', target, sizeof target);
}

/* --- data --- */

enum { MANY_ZEROS = 4096 };

static bool all_zeros(const uint8_t *data, size_t len)
{
    return data[0] == 0 && memcmp(data, data + 1, len - 1) == 0;
}

static void tell_data(const struct thread *t, uint64_t address, size_t len)
{
    if (len > MOST_DATA) /* what a thread asks for, it need not have */
        len = MOST_DATA;

    void *data = malloc(len + 1);

    if (data == NULL)
        die("malloc");
    if (copy_from(t->id, address, data, len)) {
        if (len > MANY_ZEROS && all_zeros(data, len)) {
            uint64_t size = len;
            tell('z', &size, sizeof size); /* the record has a bound */
        } else {
            tell('d', data, len);
        }
    }
    free(data);
}

static size_t copy_vectors(const struct thread *t, uint64_t address, uint64_t count,
                           struct iovec *out)
{
    if (count > MOST_VECTORS || !copy_from(t->id, address, out, count * sizeof *out))
        return 0;
    return count;
}

/* Where the vectors of the call are; 0 if there are none. */
static size_t vectors(const struct thread *t, struct iovec *out)
{
    struct msghdr message;

    if (t->call->vector != N)
        return copy_vectors(t, t->args[t->call->vector], t->args[t->call->vector + 1], out);
    if (t->call->message != N &&
        copy_from(t->id, t->args[t->call->message], &message, sizeof message))
        return copy_vectors(t, (uint64_t)(uintptr_t)message.msg_iov, message.msg_iovlen, out);
    return 0;
}

size_t data_size(const struct thread *t)
{
    struct iovec parts[MOST_VECTORS];
    size_t count = vectors(t, parts), size = 0;

    if (t->call->data != N)
        return t->args[t->call->data + 1];
    for (size_t i = 0; i < count; i++)
        size += parts[i].iov_len;
    return size;
}

/* Several pieces count as one behind the other. */
static void tell_all_data(const struct thread *t)
{
    struct iovec parts[MOST_VECTORS];
    size_t count = vectors(t, parts);

    if (t->call->data != N)
        tell_data(t, t->args[t->call->data], t->args[t->call->data + 1]);
    for (size_t i = 0; i < count; i++)
        tell_data(t, (uint64_t)(uintptr_t)parts[i].iov_base, parts[i].iov_len);
}

void tell_call(const struct thread *t)
{
    tell('c', t->call->name, strlen(t->call->name));
    tell('a', t->args, sizeof t->args);
    if (t->call->fd != N)
        tell_fd(t, (int)t->args[t->call->fd]);
    if (t->call->path != N)
        tell_path(t, t->call->folder, t->call->path);
    if (t->call->other_path != N)
        tell_path(t, t->call->other_folder, t->call->other_path);
    tell_target(t);
    tell_symlink(t);
    if (t->call->number == SYS_openat2)
        tell_data(t, t->args[2], sizeof(uint64_t));
    tell_all_data(t);
    if (t->call->what == WHAT_MAP)
        remember_mapped(t);
    if (t->call->what == WHAT_FLUSH)
        tell_mapped(t);
}

/* The descriptor that was made shows what was opened, whatever links led there. */
void tell_result(const struct thread *t, int64_t result)
{
    tell('r', &result, sizeof result);
    if (t->call->what == WHAT_OPEN && result >= 0)
        tell_fd(t, (int)result);
    if (moves_content(t) && result >= 0)
        tell_content(t, (int)t->args[t->call->fd]);
}
