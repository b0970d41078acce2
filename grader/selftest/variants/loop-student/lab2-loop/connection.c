/* connection.c - the connection of connection.h.
 *
 *     OPEN -- finish --> FLUSHING -- all sent --> DRAINING -- the peer's end, or 1 s --> CLOSED
 *       \-- a send fails --> FAILED -- a later turn --> CLOSED
 *
 * Whoever comes in, from the loop or from the owner, calls enter, and leave in the end.  The last
 * one to leave buries a connection that was CLOSED meanwhile, or else tells the loop what the
 * connection waits for now: so nobody in between has to care for either. */
#include "connection.h"

#include "buffer.h"
#include "net.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

enum { CHUNK_SIZE = 64 * 1024, LINGER_MS = 1000 };

enum state {
    OPEN,
    FLUSHING, /* finished, and output waits */
    DRAINING, /* FIN was sent: input is dropped up to its end */
    FAILED,   /* a send failed: on_close follows in a later turn */
    CLOSED,   /* to be buried */
};

struct connection {
    struct loop *loop;
    const struct connection_events *events;
    void *context;
    struct buffer in, out;   /* what the owner did not use, and what the kernel did not take */
    struct loop_timer timer; /* OPEN, FAILED: something is left for the next turn; ends DRAINING */
    enum state state;
    int fd, error;
    unsigned interest; /* what the loop knows of wanted() */
    unsigned inside;   /* how many have entered, and not left */
    bool peer_ended;
    bool paused;
    bool unshown;   /* on_data may use more of in, though nothing came: so this comes first */
    bool undrained; /* on_drained is due, once the kernel has all */
    bool more;      /* there may be more to read, or room to write, of which no edge tells */
};

size_t connection_pending(const struct connection *connection)
{
    return buffer_size(&connection->out);
}

bool connection_is_full(const struct connection *connection)
{
    return connection_pending(connection) >= CONNECTION_OUTPUT_BOUND;
}

/* Whether the owner can be shown input now. */
static bool takes_input(const struct connection *c)
{
    return c->state == OPEN && !c->paused && !connection_is_full(c);
}

/* What the loop should tell of. */
static unsigned wanted(const struct connection *c)
{
    unsigned events = 0;

    switch (c->state) {
    case OPEN:
        if (takes_input(c) && !c->peer_ended && !c->unshown)
            events |= LOOP_READ;
        if (connection_pending(c) > 0)
            events |= LOOP_WRITE;
        return events;
    case FLUSHING: return LOOP_WRITE;
    case DRAINING: return LOOP_READ;
    case FAILED: return LOOP_READ | LOOP_WRITE;
    case CLOSED: break;
    }
    return 0;
}

static void close_with(struct connection *c, int error)
{
    c->state = CLOSED;
    c->error = error;
}

/* Ends it in the next turn.  Should there be no memory for the timer, the next event does it. */
static void fail(struct connection *c, int error)
{
    c->state = FAILED;
    c->error = error;
    loop_set_timer(c->loop, &c->timer, 0);
}

/* Calls on_time in the next turn.  A timer that is set already stays: moved in each turn, it would
 * never be due. */
static void wait_a_turn(struct connection *c)
{
    if (c->timer.slot == 0 && loop_set_timer(c->loop, &c->timer, 0) < 0)
        fail(c, errno);
}

static void enter(struct connection *c)
{
    c->inside++;
}

/* Takes the connection out of the loop, tells the owner, and frees it: in this order, so that all
 * that on_close may still call finds a connection that is CLOSED. */
static void bury(struct connection *c)
{
    loop_remove(c->loop, c->fd);
    loop_clear_timer(c->loop, &c->timer);
    close(c->fd);
    if (c->events->on_close != NULL)
        c->events->on_close(c->context, c->error);
    buffer_free(&c->in);
    buffer_free(&c->out);
    free(c);
}

static void leave(struct connection *c)
{
    if (c->inside == 1 && c->state != CLOSED) {
        unsigned events = wanted(c);
        if ((events != c->interest || c->more) && loop_change(c->loop, c->fd, events) < 0)
            fail(c, errno);
        else
            c->interest = events;
        c->more = false;
    }
    if (c->inside == 1 && c->state == CLOSED)
        bury(c);
    else
        c->inside--;
}

/* The bytes that the kernel took, which is 0 where it has no room; -1 with errno. */
static ssize_t send_some(int fd, const uint8_t *data, size_t len)
{
    ssize_t sent;

    do
        sent = send(fd, data, len, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? 0 : sent;
}

/* FLUSHING, and all is sent.  A peer that ended first has nothing to say that could be lost. */
static void end_output(struct connection *c)
{
    if (c->peer_ended) {
        close_with(c, 0);
    } else if (shutdown(c->fd, SHUT_WR) < 0 || loop_set_timer(c->loop, &c->timer, LINGER_MS) < 0) {
        close_with(c, errno);
    } else {
        c->state = DRAINING;
    }
}

/* The kernel took so many bytes: what follows once nothing waits? */
static void after_output(struct connection *c, ssize_t sent)
{
    if (connection_pending(c) > 0)
        c->more = c->more || sent > 0;
    else if (c->state == FLUSHING)
        end_output(c);
    else if (c->undrained)
        wait_a_turn(c);
}

static void flush(struct connection *c)
{
    ssize_t sent = send_some(c->fd, buffer_front(&c->out), connection_pending(c));

    if (sent < 0) {
        close_with(c, errno);
    } else if (sent > 0) {
        buffer_take(&c->out, (size_t)sent);
        after_output(c, sent);
    }
}

static size_t show(struct connection *c, const uint8_t *data, size_t len)
{
    c->unshown = false; /* on_data may resume, which sets it */
    size_t used = c->events->on_data(c->context, data, len);

    if (used < len && !takes_input(c))
        c->unshown = true;
    return used;
}

/* What waits in the buffer, which nobody else touches during the call. */
static void show_buffer(struct connection *c)
{
    buffer_take(&c->in, show(c, buffer_front(&c->in), buffer_size(&c->in)));
}

static void show_unshown(struct connection *c)
{
    if (!c->unshown || !takes_input(c))
        return;
    c->unshown = false;
    if (buffer_size(&c->in) > 0)
        show_buffer(c);
}

/* Shows the owner what came, and keeps what is not used. */
static void take_data(struct connection *c, const uint8_t *data, size_t len)
{
    size_t used = 0;
    bool first = buffer_size(&c->in) == 0;

    if (first)
        used = show(c, data, len);
    if (used < len && buffer_put(&c->in, data + used, len - used) < 0)
        close_with(c, ENOMEM);
    else if (!first)
        show_buffer(c);
}

/* The peer sends no more. */
static void take_end(struct connection *c)
{
    c->peer_ended = true;
    if (c->state == DRAINING)
        close_with(c, 0);
    else if (c->events->on_end != NULL)
        c->events->on_end(c->context);
    else
        connection_finish(c);
}

/* One read in a turn: the rest, if any, is told again. */
static void receive(struct connection *c)
{
    static _Thread_local uint8_t chunk[CHUNK_SIZE];
    ssize_t len = net_read(c->fd, chunk, sizeof chunk);

    if (len < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return;
    c->more = true;
    if (len < 0)
        close_with(c, errno);
    else if (len == 0)
        take_end(c);
    else if (c->state == OPEN)
        take_data(c, chunk, (size_t)len);
}

/* Each step may change what the next one should do, so it is asked again what is wanted. */
static void on_event(void *context, unsigned events)
{
    struct connection *c = context;

    enter(c);
    if (c->state == FAILED)
        c->state = CLOSED;
    if (events & wanted(c) & LOOP_WRITE)
        flush(c);
    show_unshown(c);
    if (events & wanted(c) & LOOP_READ)
        receive(c);
    leave(c);
}

static void on_time(void *context)
{
    struct connection *c = context;

    enter(c);
    if (c->state == FAILED || c->state == DRAINING)
        c->state = CLOSED;
    if (c->state == OPEN && c->undrained && connection_pending(c) == 0) {
        c->undrained = false;
        c->events->on_drained(c->context);
    }
    show_unshown(c);
    leave(c);
}

/* The other flags stay. */
static int set_nonblocking(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    return flags < 0 ? -1 : fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

struct connection *connection_new(struct loop *loop, int fd, const struct connection_events *events,
                                  void *context)
{
    struct connection *c = malloc(sizeof *c);

    if (c == NULL)
        return NULL;
    *c = (struct connection){
        .loop = loop,
        .events = events,
        .context = context,
        .timer = {.on_time = on_time, .context = c},
        .state = OPEN,
        .fd = fd,
        .interest = LOOP_READ,
    };
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
    ssize_t sent = 0;

    if (c->state != OPEN || len == 0)
        return;
    enter(c);
    c->undrained = c->events->on_drained != NULL;
    if (connection_pending(c) == 0)
        sent = send_some(c->fd, data, len);
    if (sent < 0)
        fail(c, errno);
    else if (buffer_put(&c->out, (const uint8_t *)data + sent, len - (size_t)sent) < 0)
        fail(c, ENOMEM);
    else
        after_output(c, sent);
    leave(c);
}

void connection_pause(struct connection *connection)
{
    enter(connection);
    connection->paused = true;
    leave(connection);
}

void connection_resume(struct connection *connection)
{
    struct connection *c = connection;

    if (!c->paused)
        return;
    enter(c);
    c->paused = false;
    if (c->state == OPEN) {
        c->unshown = true;
        wait_a_turn(c);
    }
    leave(c);
}

void connection_finish(struct connection *connection)
{
    struct connection *c = connection;

    if (c->state != OPEN)
        return;
    enter(c);
    c->state = FLUSHING;
    if (connection_pending(c) == 0)
        end_output(c);
    leave(c);
}

void connection_close(struct connection *connection)
{
    struct connection *c = connection;

    if (c->state == CLOSED)
        return;
    enter(c);
    c->state = CLOSED;
    leave(c);
}
