/* hostile.h - what hostile programs share.  Each names itself, so that what it leaves is found, and
 * says of each thing that it tries whether it could. */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static inline void name_itself(void)
{
    prctl(PR_SET_NAME, "TOKEN");
}

/* A result below 0 is a failure. */
static inline void attempt(const char *what, long result)
{
    fprintf(stderr, "could%s %s\n", result < 0 ? " not" : "", what);
}

static inline void try_open(const char *path, int flags)
{
    int fd = open(path, flags, 0600);

    attempt(path, fd);
    if (fd >= 0)
        close(fd);
}

/* Writes a whole file, or fails. */
static inline int forge(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

    return fd < 0 || write(fd, text, strlen(text)) < 0 ? -1 : close(fd);
}
