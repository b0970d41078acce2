/* listener.c - the listener of listener.h. */
#include "listener.h"

#include "net.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum { PAUSE_MS = 100 };

struct listener {
    struct loop *loop;
    int socket;
    void (*on_connection)(void *context, int fd);
    void *context;
    struct loop_timer pause;
};

/* Stage 2.14: the errors of accept(2) that say that something has run out. */
static bool is_shortage(int error)
{
    (void)error;
    /* Your code here. */
    return false;
}

/* Stage 2.14: not to ask about the socket for a while, and a timer that ends this. */
static void pause_accepting(struct listener *listener)
{
    (void)listener;
    /* Your code here. */
}

static void end_pause(void *context)
{
    struct listener *listener = context;

    (void)listener;
    /* Your code here. */
}

/* Stage 2.1: net_accept, and on_connection for what it returns.  There may be more than one. */
static void on_event(void *context, unsigned events)
{
    struct listener *listener = context;

    (void)listener;
    (void)events;
    (void)is_shortage;
    (void)pause_accepting;
    /* Your code here. */
}

/* Stage 2.1: a listener that blocks would stop the loop when a connection that was waiting is
 * gone before it is accepted: accept(2), NOTES. */
struct listener *listener_new(struct loop *loop, int socket,
                              void (*on_connection)(void *context, int fd), void *context)
{
    (void)loop;
    (void)socket;
    (void)on_connection;
    (void)context;
    (void)on_event;
    (void)end_pause;
    /* Your code here. */
    errno = ENOSYS;
    return NULL;
}

void listener_free(struct listener *listener)
{
    loop_clear_timer(listener->loop, &listener->pause);
    loop_remove(listener->loop, listener->socket);
    close(listener->socket);
    free(listener);
}
