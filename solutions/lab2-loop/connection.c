/* connection.c - the connection of connection.h.
 *
 * What comes is read into one buffer that all connections of a thread share, and is shown there;
 * only what the owner leaves unused is kept.  What is sent goes to the kernel at once; only what
 * that does not take is kept.  So a connection that waits holds no buffer at all.
 *
 *     OPEN -- finish --> FLUSHING -- all sent --> DRAINING -- the peer's end, or 1 s --> CLOSED
 *
 * A callback may end the connection that it is called for, which has to stay in place until the
 * callback returns: busy counts those that run, and the last one to leave buries it. */
#include "connection.h"

#include "buffer.h"
#include "net.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* A turn takes at most so much from an edge-triggered connection, then the others have theirs. */
enum { CHUNK_SIZE = 64 * 1024, READS_A_TURN = 4, LINGER_MS = 1000 };

enum state {
    OPEN,
    FLUSHING, /* finished, and output waits */
    DRAINING, /* FIN was sent: input is dropped up to its end */
    BROKEN,   /* an error was found while no callback ran: the next turn closes it */
    CLOSED,
};

struct connection {
    struct loop *loop;
    const struct connection_events *events;
    void *context;
    struct buffer in, out;
    struct loop_timer timer; /* OPEN: offers what was not used, after a pause; DRAINING: gives up */
    unsigned interest;
    enum state state;
    int fd, error, busy;
    bool peer_ended, paused;
    bool owes_drained; /* something was sent since on_drained was called */
};

size_t connection_pending(const struct connection *connection)
{
    return buffer_size(&connection->out);
}

bool connection_is_full(const struct connection *connection)
{
    return connection_pending(connection) >= CONNECTION_OUTPUT_BOUND;
}

static void bury(struct connection *c)
{
    loop_clear_timer(c->loop, &c->timer);
    loop_remove(c->loop, c->fd);
    close(c->fd);
    buffer_free(&c->in);
    buffer_free(&c->out);
    if (c->events->on_close != NULL)
        c->events->on_close(c->context, c->error);
    free(c);
}

static unsigned wanted(const struct connection *c)
{
    bool takes = !c->peer_ended && !connection_is_full(c) && !c->paused && c->timer.slot == 0;
    bool reads = c->state == DRAINING || c->state == BROKEN || (c->state == OPEN && takes);
    bool writes = connection_pending(c) > 0 || c->owes_drained;

    return (reads ? (unsigned)LOOP_READ : 0) | (writes ? (unsigned)LOOP_WRITE : 0);
}

static void set_interest(struct connection *c, unsigned interest)
{
    if (loop_change(c->loop, c->fd, interest) < 0) {
        c->error = errno;
        c->state = CLOSED;
    }
    c->interest = interest;
}

static void enter(struct connection *c)
{
    c->busy++;
}

/* True where the loop is to tell that the socket can be written, and no edge will come for that: it
 * could be all the time. */
static bool must_ask_again(const struct connection *c)
{
    return c->owes_drained && connection_pending(c) == 0 && loop_is_edge(c->loop);
}

/* A closed connection is gone when this returns. */
static void leave(struct connection *c)
{
    if (--c->busy > 0)
        return;
    if (c->state != CLOSED && (c->interest != wanted(c) || must_ask_again(c)))
        set_interest(c, wanted(c));
    if (c->state == CLOSED)
        bury(c);
}

/* A socket that is shut down can be read, so the loop tells of it in the next turn. */
static void fail(struct connection *c, int error)
{
    c->error = error;
    c->owes_drained = false;
    buffer_free(&c->out);
    c->state = BROKEN;
    shutdown(c->fd, SHUT_RDWR);
}

/* The bytes that the kernel took: fewer than len where it has no room for more.  -1 with errno. */
static ssize_t send_some(int fd, const uint8_t *data, size_t len)
{
    ssize_t n;

    do
        n = send(fd, data, len, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return n < 0 && errno == EAGAIN ? 0 : n;
}

/* All output was sent: now the peer is told so.  If it ended first, both directions are done. */
static void end_output(struct connection *c)
{
    c->owes_drained = false;
    if (c->peer_ended || shutdown(c->fd, SHUT_WR) < 0 ||
        loop_set_timer(c->loop, &c->timer, LINGER_MS) < 0)
        c->state = CLOSED;
    else
        c->state = DRAINING;
}

/* Shows the owner what it has not used so far. */
static void offer(struct connection *c)
{
    if (c->state != OPEN || c->paused || connection_is_full(c) || buffer_size(&c->in) == 0)
        return;
    size_t used = c->events->on_data(c->context, buffer_front(&c->in), buffer_size(&c->in));
    buffer_take(&c->in, used);
}

static void flush(struct connection *c)
{
    while (connection_pending(c) > 0) {
        ssize_t n = send_some(c->fd, buffer_front(&c->out), connection_pending(c));
        if (n < 0) {
            fail(c, errno);
            return;
        }
        if (n == 0)
            break;
        buffer_take(&c->out, (size_t)n);
    }
    if (connection_pending(c) == 0 && c->state == FLUSHING)
        end_output(c);
    else if (connection_pending(c) == 0 && c->owes_drained) {
        c->owes_drained = false;
        c->events->on_drained(c->context);
    }
    offer(c); /* for one that was full, and has room again */
}

static void keep(struct connection *c, const uint8_t *data, size_t len)
{
    if (c->state == OPEN && buffer_put(&c->in, data, len) < 0)
        fail(c, ENOMEM);
}

static void take_data(struct connection *c, const uint8_t *data, size_t len)
{
    size_t used = 0;

    if (c->state != OPEN)
        return;
    bool nothing_kept = buffer_size(&c->in) == 0;
    if (nothing_kept)
        used = c->events->on_data(c->context, data, len);
    keep(c, data + used, len - used);
    if (!nothing_kept)
        offer(c);
}

static void take_end(struct connection *c)
{
    c->peer_ended = true;
    if (c->state == DRAINING)
        c->state = CLOSED;
    else if (c->events->on_end != NULL)
        c->events->on_end(c->context);
    else
        connection_finish(c);
}

static bool may_read(const struct connection *c)
{
    return (wanted(c) & LOOP_READ) != 0 && c->state != BROKEN;
}

/* One read a turn, which is fair; or up to EAGAIN, or the others' turn, where the loop will not
 * tell again by itself. */
static void receive(struct connection *c)
{
    static _Thread_local uint8_t chunk[CHUNK_SIZE];

    for (int reads = 0; may_read(c); reads++) {
        if (reads == READS_A_TURN) {
            set_interest(c, wanted(c));
            return;
        }
        ssize_t n = net_read(c->fd, chunk, sizeof chunk);
        if (n > 0)
            take_data(c, chunk, (size_t)n);
        else if (n == 0)
            take_end(c);
        else if (errno != EAGAIN)
            fail(c, errno);
        if (n < 0 || !loop_is_edge(c->loop))
            return;
    }
}

static void on_event(void *context, unsigned events)
{
    struct connection *c = context;

    enter(c);
    if ((events & LOOP_WRITE) != 0 && c->state != BROKEN)
        flush(c);
    if ((events & LOOP_READ) != 0)
        receive(c);
    if (c->state == BROKEN)
        c->state = CLOSED;
    leave(c);
}

static void on_time(void *context)
{
    struct connection *c = context;

    enter(c);
    if (c->state == DRAINING)
        c->state = CLOSED;
    else
        offer(c);
    leave(c);
}

static int set_nonblocking(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    return flags < 0 ? -1 : fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

struct connection *connection_new(struct loop *loop, int fd, const struct connection_events *events,
                                  void *context)
{
    struct connection *c = calloc(1, sizeof *c);

    if (c == NULL)
        return NULL;
    *c = (struct connection){
        .loop = loop, .events = events, .context = context, .interest = LOOP_READ, .fd = fd};
    c->timer = (struct loop_timer){.on_time = on_time, .context = c};
    if (set_nonblocking(fd) < 0 || loop_add(loop, fd, c->interest, on_event, c) < 0) {
        int error = errno;
        free(c);
        errno = error;
        return NULL;
    }
    return c;
}

void connection_send(struct connection *connection, const void *data, size_t len)
{
    struct connection *c = connection;
    ssize_t n = 0;

    if (c->state != OPEN)
        return;
    if (connection_pending(c) == 0 && (n = send_some(c->fd, data, len)) < 0)
        fail(c, errno);
    else if (buffer_put(&c->out, (const uint8_t *)data + n, len - (size_t)n) < 0)
        fail(c, ENOMEM);
    else
        c->owes_drained = c->events->on_drained != NULL;
    enter(c);
    leave(c);
}

void connection_pause(struct connection *connection)
{
    enter(connection);
    connection->paused = true;
    leave(connection);
}

/* Not read from until what was not used has been offered: so the end comes after all data. */
void connection_resume(struct connection *connection)
{
    struct connection *c = connection;

    enter(c);
    c->paused = false;
    if (c->state == OPEN && buffer_size(&c->in) > 0 && loop_set_timer(c->loop, &c->timer, 0) < 0)
        fail(c, ENOMEM);
    leave(c);
}

void connection_finish(struct connection *connection)
{
    if (connection->state != OPEN)
        return;
    enter(connection);
    connection->state = FLUSHING;
    if (connection_pending(connection) == 0)
        end_output(connection);
    leave(connection);
}

void connection_close(struct connection *connection)
{
    enter(connection);
    connection->state = CLOSED;
    leave(connection);
}
