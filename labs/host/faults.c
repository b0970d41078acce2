/* faults.c - the errors and short counts that a busy machine gives now and then, made to happen
 * always.
 *
 * Linked into the fault build, where the linker sends the program's own calls of read, write,
 * accept and their kin here first (ld(1), --wrap).  The environment says what goes wrong:
 *
 *     FAULTS=read=3,write=2,eintr=5,aborted=1,emfile=2,eagain=4
 *
 *     read=N      a stream gives at most 1, 2, ... N, 1, 2, ... bytes a call
 *     write=N     a stream takes at most so many
 *     eintr=N     every N-th call fails with EINTR before it did anything (N of 2 or more); select,
 *                 poll and epoll_wait too
 *     aborted=N   the N-th accept fails with ECONNABORTED
 *     emfile=N    the N-th accept fails with EMFILE; so do enfile, enobufs and enomem with theirs
 *     eagain=N    every N-th write to a non-blocking stream fails with EAGAIN, and again=N every
 *                 N-th read; not for programs that wait for an edge (epoll(7)): none follows
 *     wall=S      each look at the wall clock is S seconds off, forward and back by turns
 *
 * Files and stream sockets are cut short, and nothing else: a datagram would lose its rest, and a
 * signalfd or a pipe of one's own may rely on whole records. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

ssize_t __real_read(int fd, void *data, size_t len);
ssize_t __real_readv(int fd, const struct iovec *parts, int count);
ssize_t __real_recv(int fd, void *data, size_t len, int flags);
ssize_t __real_recvfrom(int fd, void *data, size_t len, int flags, struct sockaddr *from,
                        socklen_t *size);
ssize_t __real_recvmsg(int fd, struct msghdr *message, int flags);
ssize_t __real_write(int fd, const void *data, size_t len);
ssize_t __real_writev(int fd, const struct iovec *parts, int count);
ssize_t __real_send(int fd, const void *data, size_t len, int flags);
ssize_t __real_sendto(int fd, const void *data, size_t len, int flags, const struct sockaddr *to,
                      socklen_t size);
ssize_t __real_sendmsg(int fd, const struct msghdr *message, int flags);
int __real_accept(int fd, struct sockaddr *address, socklen_t *size);
int __real_accept4(int fd, struct sockaddr *address, socklen_t *size, int flags);
int __real_select(int count, fd_set *reading, fd_set *writing, fd_set *except,
                  struct timeval *timeout);
int __real_pselect(int count, fd_set *reading, fd_set *writing, fd_set *except,
                   const struct timespec *timeout, const sigset_t *mask);
int __real_poll(struct pollfd *fds, nfds_t count, int timeout);
int __real_ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
                 const sigset_t *mask);
int __real_epoll_wait(int fd, struct epoll_event *events, int count, int timeout);
int __real_epoll_pwait(int fd, struct epoll_event *events, int count, int timeout,
                       const sigset_t *mask);
int __real_epoll_pwait2(int fd, struct epoll_event *events, int count,
                        const struct timespec *timeout, const sigset_t *mask)
    __attribute__((weak)); /* since glibc 2.35 */
int __real_clock_gettime(clockid_t clock, struct timespec *now);
int __real_gettimeofday(struct timeval *now, void *zone);
time_t __real_time(time_t *now);

static atomic_ulong calls, reads, writes, looks, accepts;

/* FAULTS as it was before any constructor without a priority ran: what is set later counts for
 * nothing. */
static char faults[256];

__attribute__((constructor(101))) static void take_faults(void)
{
    const char *text = getenv("FAULTS");

    if (text != NULL)
        snprintf(faults, sizeof faults, "%s", text);
}

/* The number behind name= in FAULTS, or 0. */
static unsigned long setting(const char *name)
{
    const char *text = faults;
    size_t len = strlen(name);

    for (; text != NULL; text = strchr(text, ',')) {
        text += *text == ',';
        if (strncmp(text, name, len) == 0 && text[len] == '=')
            return strtoul(text + len + 1, NULL, 10);
    }
    return 0;
}

/* True for the turn-th of every count calls; never where count is 0. */
static bool every(unsigned long count, unsigned long turn)
{
    return count > 0 && turn % count == 0;
}

/* Never the same call on the same descriptor twice in a row: two periods that meet would make a
 * correct program wait for ever. */
static bool interrupted(const char *call, int fd)
{
    static _Thread_local const char *last_call;
    static _Thread_local int last_fd;

    if (last_call == call && last_fd == fd) {
        last_call = NULL;
        return false;
    }
    if (!every(setting("eintr"), ++calls))
        return false;
    last_call = call;
    last_fd = fd;
    errno = EINTR;
    return true;
}

/* A file or a stream socket: what may give and take fewer bytes than it was asked for. */
static bool is_stream(int fd)
{
    struct stat status;
    int type = 0;
    socklen_t size = sizeof type;

    if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode))
        return true;
    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM;
}

static size_t cap(int fd, const char *name, atomic_ulong *turn, size_t len)
{
    unsigned long most = setting(name);

    if (most == 0 || !is_stream(fd))
        return len;
    most = (*turn)++ % most + 1;
    return len < most ? len : most;
}

static size_t readable(int fd, size_t len)
{
    return cap(fd, "read", &reads, len);
}

static size_t writable(int fd, size_t len)
{
    return cap(fd, "write", &writes, len);
}

static bool would_block(const char *name, int fd, int flags)
{
    static atomic_ulong turns;
    unsigned long count = setting(name);
    bool blocks = (fcntl(fd, F_GETFL) & O_NONBLOCK) == 0 && (flags & MSG_DONTWAIT) == 0;

    if (count == 0 || blocks || !is_stream(fd) || !every(count, ++turns))
        return false;
    errno = EAGAIN;
    return true;
}

static bool write_would_block(int fd, int flags)
{
    return would_block("eagain", fd, flags);
}

static bool read_would_block(int fd, int flags)
{
    return would_block("again", fd, flags);
}

static bool refused(void)
{
    static const struct {
        const char *name;
        int error;
    } known[] = {{"aborted", ECONNABORTED},
                 {"emfile", EMFILE},
                 {"enfile", ENFILE},
                 {"enobufs", ENOBUFS},
                 {"enomem", ENOMEM}};
    unsigned long turn = ++accepts;

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (turn == setting(known[i].name)) {
            errno = known[i].error;
            return true;
        }
    }
    return false;
}

/* Seconds to add to the wall clock now. */
static time_t jump(void)
{
    time_t seconds = (time_t)setting("wall");

    return every(2, ++looks) ? -seconds : seconds;
}

/* The first part of parts, cut to what the fault lets through: what is left is a short count. */
static struct iovec first_part(int fd, const struct iovec *parts, size_t count, bool reading)
{
    struct iovec part = {0};

    for (size_t i = 0; i < count && part.iov_len == 0; i++)
        part = parts[i];
    part.iov_len = reading ? readable(fd, part.iov_len) : writable(fd, part.iov_len);
    return part;
}

ssize_t __wrap_read(int fd, void *data, size_t len)
{
    return interrupted(__func__, fd) || read_would_block(fd, 0)
               ? -1
               : __real_read(fd, data, readable(fd, len));
}

ssize_t __wrap_recv(int fd, void *data, size_t len, int flags)
{
    return interrupted(__func__, fd) || read_would_block(fd, flags)
               ? -1
               : __real_recv(fd, data, readable(fd, len), flags);
}

ssize_t __wrap_recvfrom(int fd, void *data, size_t len, int flags, struct sockaddr *from,
                        socklen_t *size)
{
    return interrupted(__func__, fd) || read_would_block(fd, flags)
               ? -1
               : __real_recvfrom(fd, data, readable(fd, len), flags, from, size);
}

ssize_t __wrap_readv(int fd, const struct iovec *parts, int count)
{
    if (interrupted(__func__, fd) || read_would_block(fd, 0))
        return -1;
    if (setting("read") == 0 || !is_stream(fd))
        return __real_readv(fd, parts, count);
    struct iovec part = first_part(fd, parts, (size_t)count, true);
    return __real_readv(fd, &part, 1);
}

ssize_t __wrap_recvmsg(int fd, struct msghdr *message, int flags)
{
    if (interrupted(__func__, fd) || read_would_block(fd, flags))
        return -1;
    if (setting("read") == 0 || !is_stream(fd))
        return __real_recvmsg(fd, message, flags);
    struct iovec part = first_part(fd, message->msg_iov, message->msg_iovlen, true);
    struct msghdr cut = *message;
    cut.msg_iov = &part;
    cut.msg_iovlen = 1;
    ssize_t n = __real_recvmsg(fd, &cut, flags);
    cut.msg_iov = message->msg_iov;
    cut.msg_iovlen = message->msg_iovlen;
    *message = cut;
    return n;
}

ssize_t __wrap_write(int fd, const void *data, size_t len)
{
    return interrupted(__func__, fd) || write_would_block(fd, 0)
               ? -1
               : __real_write(fd, data, writable(fd, len));
}

ssize_t __wrap_send(int fd, const void *data, size_t len, int flags)
{
    return interrupted(__func__, fd) || write_would_block(fd, flags)
               ? -1
               : __real_send(fd, data, writable(fd, len), flags);
}

ssize_t __wrap_sendto(int fd, const void *data, size_t len, int flags, const struct sockaddr *to,
                      socklen_t size)
{
    return interrupted(__func__, fd) || write_would_block(fd, flags)
               ? -1
               : __real_sendto(fd, data, writable(fd, len), flags, to, size);
}

ssize_t __wrap_writev(int fd, const struct iovec *parts, int count)
{
    if (interrupted(__func__, fd) || write_would_block(fd, 0))
        return -1;
    if (setting("write") == 0 || !is_stream(fd))
        return __real_writev(fd, parts, count);
    struct iovec part = first_part(fd, parts, (size_t)count, false);
    return __real_writev(fd, &part, 1);
}

ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags)
{
    if (interrupted(__func__, fd) || write_would_block(fd, flags))
        return -1;
    if (setting("write") == 0 || !is_stream(fd))
        return __real_sendmsg(fd, message, flags);
    struct iovec part = first_part(fd, message->msg_iov, message->msg_iovlen, false);
    struct msghdr cut = *message;
    cut.msg_iov = &part;
    cut.msg_iovlen = 1;
    return __real_sendmsg(fd, &cut, flags);
}

int __wrap_accept(int fd, struct sockaddr *address, socklen_t *size)
{
    return interrupted(__func__, fd) || refused() ? -1 : __real_accept(fd, address, size);
}

int __wrap_accept4(int fd, struct sockaddr *address, socklen_t *size, int flags)
{
    return interrupted(__func__, fd) || refused() ? -1 : __real_accept4(fd, address, size, flags);
}

int __wrap_select(int count, fd_set *reading, fd_set *writing, fd_set *except,
                  struct timeval *timeout)
{
    return interrupted(__func__, -1) ? -1 : __real_select(count, reading, writing, except, timeout);
}

int __wrap_pselect(int count, fd_set *reading, fd_set *writing, fd_set *except,
                   const struct timespec *timeout, const sigset_t *mask)
{
    return interrupted(__func__, -1)
               ? -1
               : __real_pselect(count, reading, writing, except, timeout, mask);
}

int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout)
{
    return interrupted(__func__, -1) ? -1 : __real_poll(fds, count, timeout);
}

int __wrap_ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
                 const sigset_t *mask)
{
    return interrupted(__func__, -1) ? -1 : __real_ppoll(fds, count, timeout, mask);
}

int __wrap_epoll_wait(int fd, struct epoll_event *events, int count, int timeout)
{
    return interrupted(__func__, fd) ? -1 : __real_epoll_wait(fd, events, count, timeout);
}

int __wrap_epoll_pwait(int fd, struct epoll_event *events, int count, int timeout,
                       const sigset_t *mask)
{
    return interrupted(__func__, fd) ? -1 : __real_epoll_pwait(fd, events, count, timeout, mask);
}

int __wrap_epoll_pwait2(int fd, struct epoll_event *events, int count,
                        const struct timespec *timeout, const sigset_t *mask)
{
    return interrupted(__func__, fd) ? -1 : __real_epoll_pwait2(fd, events, count, timeout, mask);
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
    int result = __real_clock_gettime(clock, now);

    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        now->tv_sec += jump();
    return result;
}

int __wrap_gettimeofday(struct timeval *now, void *zone)
{
    int result = __real_gettimeofday(now, zone);

    now->tv_sec += jump();
    return result;
}

time_t __wrap_time(time_t *now)
{
    time_t result = __real_time(NULL) + jump();

    if (now != NULL)
        *now = result;
    return result;
}
