/* dialler.c - the dialler of dialler.h.
 *
 * connect(2): "EINPROGRESS [...] It is possible to select(2) or poll(2) for completion by selecting
 * the socket for writing.  [...] use getsockopt(2) to read the SO_ERROR option". */
#include "dialler.h"

#include "peers.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

static void dial(void *context);

/* One timer does for all: in each state just one thing can become due. */
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

static void on_held(void *context)
{
    struct dialler *d = context;

    d->pause_ms = PEERS_FIRST_PAUSE_MS;
}

static void hang_up(struct dialler *d)
{
    if (d->fd < 0)
        return;
    loop_remove(d->loop, d->fd);
    close(d->fd);
    d->fd = -1;
}

/* A dial has failed, or takes too long. */
static void give_up(void *context)
{
    struct dialler *d = context;

    hang_up(d);
    pause_dialling(d);
}

/* Where nobody listens, a socket may be given the very port that it dials, and connects to itself:
 * RFC 9293, section 3.5, simultaneous open.  Such a socket is to be reset: in TIME-WAIT it would
 * keep the port from the node that it belongs to. */
static bool is_own_echo(const struct dialler *d)
{
    const struct linger reset = {.l_onoff = 1, .l_linger = 0};
    struct sockaddr_in own = {0};
    socklen_t len = sizeof own;

    if (getsockname(d->fd, (struct sockaddr *)&own, &len) < 0 ||
        own.sin_port != d->address.sin_port || own.sin_addr.s_addr != d->address.sin_addr.s_addr)
        return false;
    setsockopt(d->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    return true;
}

static void on_outcome(void *context, unsigned events)
{
    struct dialler *d = context;
    int fd = d->fd, error = 0;
    socklen_t len = sizeof error;

    (void)events;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0 || error != 0 || is_own_echo(d)) {
        give_up(d);
        return;
    }
    loop_remove(d->loop, fd);
    d->fd = -1;
    set_timer(d, on_held, PEERS_LONGEST_PAUSE_MS);
    d->on_connected(d->context, fd);
}

static bool begin(struct dialler *d)
{
    const struct sockaddr *address = (const struct sockaddr *)&d->address;

    d->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (d->fd < 0)
        return false;
    if ((connect(d->fd, address, sizeof d->address) < 0 && errno != EINPROGRESS &&
         errno != EINTR) ||
        loop_add(d->loop, d->fd, LOOP_WRITE, on_outcome, d) < 0) {
        close(d->fd);
        d->fd = -1;
        return false;
    }
    return true;
}

static void dial(void *context)
{
    struct dialler *d = context;

    if (begin(d))
        set_timer(d, give_up, PEERS_DIAL_TIMEOUT_MS);
    else
        pause_dialling(d);
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
    hang_up(dialler);
    loop_clear_timer(dialler->loop, &dialler->timer);
}
