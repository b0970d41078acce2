/* visitor.c - the visitors of visitor.h.  Their sockets block; no call on them does: MSG_DONTWAIT.
 *
 * One that has all that it is owed is sent FIN and listened to until it closes too, for a second at
 * most. */
#include "visitor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PIECE = 48 * 1024, BOUND = 640 * 1024, LINGER_MS = 1000 };

/* What waits to be sent back, as it came. */
struct parcel {
    struct parcel *next;
    size_t start, end;
    uint8_t bytes[];
};

struct visitor {
    struct loop *loop;
    int fd;
    enum { SENDS, SENT_ALL, LINGERS } state;
    unsigned wanted;
    size_t weight; /* of the parcels, wrapping included */
    struct parcel *first, **end;
    struct loop_timer timer;
};

static void unwrap_first(struct visitor *visitor)
{
    struct parcel *parcel = visitor->first;

    visitor->first = parcel->next;
    if (visitor->first == NULL)
        visitor->end = &visitor->first;
    visitor->weight -= sizeof *parcel + parcel->end;
    free(parcel);
}

static void see_off(void *context)
{
    struct visitor *visitor = context;

    while (visitor->first != NULL)
        unwrap_first(visitor);
    loop_clear_timer(visitor->loop, &visitor->timer);
    loop_remove(visitor->loop, visitor->fd);
    close(visitor->fd);
    free(visitor);
}

/* What the kernel took, 0 where it has no room; -1 with errno. */
static ssize_t send_now(int fd, const uint8_t *data, size_t len)
{
    ssize_t n;

    do
        n = send(fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return n < 0 && errno == EAGAIN ? 0 : n;
}

static int wrap(struct visitor *visitor, const uint8_t *data, size_t len)
{
    struct parcel *parcel = malloc(sizeof *parcel + len);

    if (parcel == NULL)
        return -1;
    parcel->next = NULL;
    parcel->start = 0;
    parcel->end = len;
    memcpy(parcel->bytes, data, len);
    *visitor->end = parcel;
    visitor->end = &parcel->next;
    visitor->weight += sizeof *parcel + len;
    return 0;
}

static int echo(struct visitor *visitor, const uint8_t *data, size_t len)
{
    ssize_t sent = visitor->first == NULL ? send_now(visitor->fd, data, len) : 0;

    if (sent < 0)
        return -1;
    return (size_t)sent == len ? 0 : wrap(visitor, data + sent, len - (size_t)sent);
}

/* -1: it is over. */
static int receive(struct visitor *visitor)
{
    static uint8_t piece[PIECE];
    ssize_t n = recv(visitor->fd, piece, sizeof piece, MSG_DONTWAIT);

    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -1;
    if (visitor->state == LINGERS)
        return n == 0 ? -1 : 0;
    if (n == 0)
        visitor->state = SENT_ALL;
    return echo(visitor, piece, (size_t)n);
}

static int deliver(struct visitor *visitor)
{
    while (visitor->first != NULL) {
        struct parcel *parcel = visitor->first;
        size_t left = parcel->end - parcel->start;
        ssize_t n = send_now(visitor->fd, parcel->bytes + parcel->start, left);
        if (n < 0)
            return -1;
        parcel->start += (size_t)n;
        if ((size_t)n < left)
            return 0;
        unwrap_first(visitor);
    }
    return 0;
}

/* Its FIN was seen, and all that it sent is on its way back. */
static int linger(struct visitor *visitor)
{
    visitor->state = LINGERS;
    if (shutdown(visitor->fd, SHUT_WR) < 0)
        return -1;
    return loop_set_timer(visitor->loop, &visitor->timer, LINGER_MS);
}

static unsigned wanted_of(const struct visitor *visitor)
{
    unsigned wanted = visitor->first != NULL ? LOOP_WRITE : 0;

    if (visitor->state == LINGERS || (visitor->state == SENDS && visitor->weight < BOUND))
        wanted |= LOOP_READ;
    return wanted;
}

static void on_event(void *context, unsigned events)
{
    struct visitor *visitor = context;
    int result = events & LOOP_WRITE ? deliver(visitor) : 0;

    if (result == 0 && events & LOOP_READ)
        result = receive(visitor);
    if (result == 0 && visitor->state == SENT_ALL && visitor->first == NULL)
        result = linger(visitor);
    unsigned wanted = wanted_of(visitor);
    if (result == 0 && wanted != visitor->wanted)
        result = loop_change(visitor->loop, visitor->fd, wanted);
    visitor->wanted = wanted;
    if (result < 0)
        see_off(visitor);
}

int visitor_welcome(struct loop *loop, int fd)
{
    struct visitor *visitor = calloc(1, sizeof *visitor);

    if (visitor == NULL)
        return -1;
    visitor->loop = loop;
    visitor->fd = fd;
    visitor->wanted = LOOP_READ;
    visitor->end = &visitor->first;
    visitor->timer.on_time = see_off;
    visitor->timer.context = visitor;
    if (loop_add(loop, fd, LOOP_READ, on_event, visitor) == 0)
        return 0;
    int error = errno;
    free(visitor);
    errno = error;
    return -1;
}
