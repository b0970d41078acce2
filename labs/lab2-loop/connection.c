/* connection.c - the connection of connection.h.
 *
 *     OPEN -- finish --> FLUSHING -- all sent --> DRAINING -- the peer's end, or 1 s --> CLOSED
 *
 * A callback may end the connection that it is called for.  Who still uses it then, and when may it
 * be freed? */
#include "connection.h"

#include "buffer.h"

#include <errno.h>
#include <sys/types.h>

enum { CHUNK_SIZE = 64 * 1024, LINGER_MS = 1000 };

enum state {
    OPEN,
    FLUSHING, /* finished, and output waits */
    DRAINING, /* FIN was sent: input is dropped up to its end */
    CLOSED,
};

struct connection {
    struct loop *loop;
    const struct connection_events *events;
    void *context;
    struct buffer in, out;
    struct loop_timer timer; /* ends DRAINING */
    enum state state;
    int fd, error;
    bool peer_ended;
    /* Your fields here. */
};

size_t connection_pending(const struct connection *connection)
{
    return buffer_size(&connection->out);
}

bool connection_is_full(const struct connection *connection)
{
    return connection_pending(connection) >= CONNECTION_OUTPUT_BOUND;
}

/* Takes the connection out of the loop, frees it, and tells the owner last. */
static void bury(struct connection *c)
{
    (void)c;
    /* Your code here. */
}

/* What the loop should tell of: in which states does the connection read, when does it write?
 * Stage 2.5: and when does it not read? */
static unsigned wanted(const struct connection *c)
{
    (void)c;
    /* Your code here. */
    return 0;
}

/* Stage 2.3: send(2) with MSG_NOSIGNAL.  The bytes that the kernel took, which is 0 where it has
 * no room; -1 with errno. */
static ssize_t send_some(int fd, const uint8_t *data, size_t len)
{
    (void)fd;
    (void)data;
    (void)len;
    /* Your code here. */
    errno = ENOSYS;
    return -1;
}

/* Stage 2.3: sends what waits, as far as the kernel takes it.  Stage 2.4: and when all is sent? */
static void flush(struct connection *c)
{
    (void)c;
    (void)send_some;
    /* Your code here. */
}

/* Shows the owner what came, and keeps what is not used. */
static void take_data(struct connection *c, const uint8_t *data, size_t len)
{
    (void)c;
    (void)data;
    (void)len;
    /* Your code here. */
}

/* Stage 2.4: the peer sends no more. */
static void take_end(struct connection *c)
{
    (void)c;
    /* Your code here. */
}

/* Stage 2.1: net_read into chunk.  Stage 2.11: how much in one turn?  Stage 2.18: and on edges? */
static void receive(struct connection *c)
{
    static _Thread_local uint8_t chunk[CHUNK_SIZE];

    (void)c;
    (void)chunk;
    (void)take_data;
    (void)take_end;
    /* Your code here. */
}

static void on_event(void *context, unsigned events)
{
    struct connection *c = context;

    (void)c;
    (void)events;
    (void)flush;
    (void)receive;
    (void)bury;
    (void)wanted;
    /* Your code here. */
}

/* fcntl(2), F_GETFL and F_SETFL: the other flags stay. */
static int set_nonblocking(int fd)
{
    (void)fd;
    /* Your code here. */
    errno = ENOSYS;
    return -1;
}

/* Stage 2.1: a new connection waits to read. */
struct connection *connection_new(struct loop *loop, int fd, const struct connection_events *events,
                                  void *context)
{
    (void)loop;
    (void)fd;
    (void)events;
    (void)context;
    (void)on_event;
    (void)set_nonblocking;
    /* Your code here. */
    errno = ENOSYS;
    return NULL;
}

/* Stage 2.3: at once what the kernel takes, and the rest later: after what waits already. */
void connection_send(struct connection *connection, const void *data, size_t len)
{
    (void)connection;
    (void)data;
    (void)len;
    /* Your code here. */
}

/* Stage 2.20. */
void connection_pause(struct connection *connection)
{
    (void)connection;
    /* Your code here. */
}

/* Stage 2.20. */
void connection_resume(struct connection *connection)
{
    (void)connection;
    /* Your code here. */
}

void connection_finish(struct connection *connection)
{
    (void)connection;
    /* Your code here. */
}

void connection_close(struct connection *connection)
{
    (void)connection;
    /* Your code here. */
}
