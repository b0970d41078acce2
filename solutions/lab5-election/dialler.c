/* dialler.c - the dialler of dialler.h.
 *
 * connect(2) with a socket that does not block only begins: "It is possible to select(2) or poll(2)
 * for completion by selecting the socket for writing [...] use getsockopt(2) to read the SO_ERROR
 * option [...] to determine whether connect() completed successfully". */
#include "dialler.h"

#include "peers.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

static void dial(void *context);

/* One timer does for all: in each state just one thing can become due.  It can only fail for want
 * of memory: then this node goes undialled, and the others are served. */
static void set_timer(struct dialler *d, void (*on_time)(void *context), int64_t delay_ms)
{
    loop_clear_timer(d->loop, &d->timer);
    d->timer.on_time = on_time;
    d->timer.context = d;
    loop_set_timer(d->loop, &d->timer, delay_ms);
}

static void pause_dialling(struct dialler *d)
{
    set_timer(d, dial, d->pause_ms);
    d->pause_ms *= 2;
    if (d->pause_ms > PEERS_LONGEST_PAUSE_MS)
        d->pause_ms = PEERS_LONGEST_PAUSE_MS;
}

static void begin_with_short_pauses(void *context)
{
    struct dialler *d = context;

    d->pause_ms = PEERS_FIRST_PAUSE_MS;
}

static void drop_socket(struct dialler *d)
{
    if (d->fd >= 0) {
        loop_remove(d->loop, d->fd);
        close(d->fd);
    }
    d->fd = -1;
}

static void give_up(void *context)
{
    struct dialler *d = context;

    drop_socket(d);
    pause_dialling(d);
}

/* Nobody listens there, and the kernel gave this socket that very port as its own: then both ends
 * that open at the same time (RFC 9293, section 3.5) are this one. */
static bool is_connected_to_itself(int fd)
{
    struct sockaddr_in own = {0}, peer = {0};
    socklen_t own_size = sizeof own, peer_size = sizeof peer;

    return getsockname(fd, (struct sockaddr *)&own, &own_size) == 0 &&
           getpeername(fd, (struct sockaddr *)&peer, &peer_size) == 0 &&
           own.sin_port == peer.sin_port && own.sin_addr.s_addr == peer.sin_addr.s_addr;
}

/* By a reset: after a usual end the port would be in TIME_WAIT, and its node couldn't listen. */
static void give_port_back(int fd)
{
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){.l_onoff = 1}, sizeof(struct linger));
}

/* The socket can be written: the outcome is known. */
static void on_outcome(void *context, unsigned events)
{
    struct dialler *d = context;
    int fd = d->fd, error = 0;
    socklen_t size = sizeof error;

    (void)events;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0 || error != 0) {
        give_up(d);
        return;
    }
    if (is_connected_to_itself(fd)) {
        give_port_back(fd);
        give_up(d);
        return;
    }
    loop_remove(d->loop, fd);
    d->fd = -1;
    set_timer(d, begin_with_short_pauses, PEERS_LONGEST_PAUSE_MS);
    d->on_connected(d->context, fd);
}

/* Out of descriptors is a failure like any other: the next try comes after a pause. */
static void dial(void *context)
{
    struct dialler *d = context;
    const struct sockaddr *address = (const struct sockaddr *)&d->address;

    d->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (d->fd < 0 || (connect(d->fd, address, sizeof d->address) < 0 && errno != EINPROGRESS) ||
        loop_add(d->loop, d->fd, LOOP_WRITE, on_outcome, d) < 0)
        give_up(d);
    else
        set_timer(d, give_up, PEERS_DIAL_TIMEOUT_MS);
}

void dialler_start(struct dialler *dialler)
{
    dialler->pause_ms = PEERS_FIRST_PAUSE_MS;
    dial(dialler);
}

void dialler_lost(struct dialler *dialler)
{
    pause_dialling(dialler);
}

void dialler_stop(struct dialler *dialler)
{
    drop_socket(dialler);
    loop_clear_timer(dialler->loop, &dialler->timer);
}
