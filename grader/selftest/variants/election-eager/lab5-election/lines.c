/* lines.c - the lines of lines.h.
 *
 * What is posted goes out in the loop's next turn, or when it would have no room otherwise.  So what
 * was posted in one turn goes out in one call, and whoever posts can't find a line broken. */
#include "lines.h"

#include "peers.h"

#include <errno.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum { FIRST_ROOM = 2048, A_LOT = 1 << 16, PARCELS_A_CALL = 32 };

struct parcel {
    struct parcel *next;
    size_t len, sent;
    uint8_t data[];
};

static void tell(void *context, unsigned events)
{
    struct line *line = context;

    line->on_event(line, events);
}

static bool make_room(struct lines *lines, int fd)
{
    int room = lines->room > 0 ? lines->room : 16;

    while (room <= fd)
        room *= 2;
    if (room == lines->room)
        return true;
    struct line **table = realloc(lines->table, (size_t)room * sizeof(struct line *));
    if (table == NULL)
        return false;
    for (int i = lines->room; i < room; i++)
        table[i] = NULL;
    lines->table = table;
    lines->room = room;
    return true;
}

/* The generation outlives what else was in the line. */
static struct line *line_at(struct lines *lines, int fd)
{
    if (!make_room(lines, fd))
        return NULL;
    struct line *line = lines->table[fd];
    if (line == NULL)
        line = lines->table[fd] = calloc(1, sizeof *line);
    if (line != NULL)
        *line = (struct line){.lines = lines, .fd = fd, .generation = line->generation};
    return line;
}

struct line *line_open(struct lines *lines, int fd, unsigned events,
                       void (*on_event)(struct line *line, unsigned events))
{
    struct line *line = line_at(lines, fd);

    if (line == NULL || loop_add(lines->loop, fd, events, tell, line) < 0) {
        int error = line == NULL ? ENOMEM : errno;
        close(fd);
        errno = error;
        return NULL;
    }
    line->generation++;
    line->is_open = true;
    line->on_event = on_event;
    return line;
}

static struct parcel *shift(struct line *line)
{
    struct parcel *parcel = line->first;

    line->first = parcel->next;
    if (line->first == NULL)
        line->last = NULL;
    return parcel;
}

void line_close(struct line *line, bool abruptly)
{
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};

    if (!line->is_open)
        return;
    loop_remove(line->lines->loop, line->fd);
    if (abruptly)
        setsockopt(line->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(line->fd);
    line->is_open = false;
    while (line->first != NULL)
        free(shift(line));
    line->waiting = 0;
    free(line->in);
    line->in = NULL;
    line->in_len = line->in_room = 0;
}

void lines_free(struct lines *lines)
{
    for (int fd = 0; fd < lines->room; fd++) {
        if (lines->table[fd] != NULL)
            line_close(lines->table[fd], false);
        free(lines->table[fd]);
    }
    free(lines->table);
}

struct handle line_handle(const struct line *line)
{
    return (struct handle){line->fd, line->generation};
}

struct line *line_find(const struct lines *lines, struct handle handle)
{
    if (handle.generation == 0)
        return NULL;
    struct line *line = lines->table[handle.fd];
    return line->is_open && line->generation == handle.generation ? line : NULL;
}

/* --- out --- */

static unsigned wanted(const struct line *line)
{
    return LOOP_READ | (line->first != NULL ? (unsigned)LOOP_WRITE : 0);
}

void line_rearm(struct line *line)
{
    loop_change(line->lines->loop, line->fd, wanted(line));
}

/* What the kernel has and the other side has not acknowledged waits as well: tcp(7), SIOCOUTQ. */
static bool has_room(const struct line *line, size_t len)
{
    int queued = 0;

    if (line->waiting == 0)
        return true;
    if (ioctl(line->fd, SIOCOUTQ, &queued) < 0)
        queued = 0;
    return line->waiting + (size_t)queued + len < PEERS_QUEUE_BOUND;
}

static ssize_t send_parcels(const struct line *line)
{
    struct iovec parts[PARCELS_A_CALL];
    struct msghdr header = {.msg_iov = parts};
    ssize_t n;

    for (struct parcel *p = line->first; p != NULL && header.msg_iovlen < PARCELS_A_CALL;
         p = p->next)
        parts[header.msg_iovlen++] = (struct iovec){p->data + p->sent, p->len - p->sent};
    do
        n = sendmsg(line->fd, &header, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return n;
}

static void settle(struct line *line, size_t sent)
{
    line->waiting -= sent;
    while (line->first != NULL && sent >= line->first->len - line->first->sent) {
        sent -= line->first->len - line->first->sent;
        free(shift(line));
    }
    if (line->first != NULL)
        line->first->sent += sent;
}

bool line_flush(struct line *line)
{
    while (line->first != NULL) {
        ssize_t n = send_parcels(line);
        if (n < 0)
            return errno == EAGAIN;
        settle(line, (size_t)n);
    }
    return true;
}

static bool has_room_now(struct line *line, size_t len)
{
    return has_room(line, len) || (line_flush(line) && has_room(line, len));
}

void line_post(struct line *line, const uint8_t *message, size_t len)
{
    struct parcel *parcel = has_room_now(line, len) ? malloc(sizeof *parcel + len) : NULL;

    if (parcel == NULL)
        return;
    parcel->next = NULL;
    parcel->len = len;
    parcel->sent = 0;
    memcpy(parcel->data, message, len);
    if (line->last != NULL)
        line->last->next = parcel;
    else
        line->first = parcel;
    line->last = parcel;
    line->waiting += len;
    line_rearm(line);
}

/* --- in --- */

/* Room is made as bytes come, whatever was announced. */
static bool widen(struct line *line)
{
    size_t room = line->in_room > 0 ? line->in_room : FIRST_ROOM;

    if (line->in_len == line->in_room && line->in_room > 0)
        room *= 2;
    if (room == line->in_room)
        return true;
    uint8_t *in = realloc(line->in, room);
    if (in == NULL)
        return false;
    line->in = in;
    line->in_room = room;
    return true;
}

int line_fill(struct line *line)
{
    ssize_t n;

    if (!widen(line))
        return -1;
    size_t room = line->in_room - line->in_len;
    do
        n = recv(line->fd, line->in + line->in_len, room < A_LOT ? room : A_LOT, 0);
    while (n < 0 && errno == EINTR);
    if (n > 0)
        line->in_len += (size_t)n;
    if (n < 0)
        return errno == EAGAIN ? 1 : -1;
    return n > 0;
}

void line_drop(struct line *line, size_t len)
{
    line->in_len -= len;
    if (line->in_len == 0 && line->in_room > FIRST_ROOM) {
        free(line->in);
        line->in = NULL;
        line->in_room = 0;
    } else if (len > 0 && line->in_len > 0) {
        memmove(line->in, line->in + len, line->in_len);
    }
}
