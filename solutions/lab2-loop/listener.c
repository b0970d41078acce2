/* listener.c - the listener of listener.h.
 *
 * While it pauses, the loop is not asked about the socket, and a timer ends the pause. */
#include "listener.h"

#include "net.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { PAUSE_MS = 100, ACCEPTS_A_TURN = 64 };

struct listener {
    struct loop *loop;
    int socket;
    void (*on_connection)(void *context, int fd);
    void *context;
    struct loop_timer pause;
};

static bool is_shortage(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

/* If even the timer can't be set, the listener goes on: better to spin than to be deaf. */
static void pause_accepting(struct listener *listener)
{
    if (loop_set_timer(listener->loop, &listener->pause, PAUSE_MS) == 0)
        loop_change(listener->loop, listener->socket, 0);
}

static void end_pause(void *context)
{
    struct listener *listener = context;

    loop_change(listener->loop, listener->socket, LOOP_READ);
}

static void on_event(void *context, unsigned events)
{
    struct listener *listener = context;

    (void)events;
    for (int i = 0; i < ACCEPTS_A_TURN; i++) {
        int fd = net_accept(listener->socket);
        if (fd < 0) {
            if (is_shortage(errno))
                pause_accepting(listener);
            return;
        }
        listener->on_connection(listener->context, fd);
    }
    loop_change(listener->loop, listener->socket, LOOP_READ); /* there may be more */
}

struct listener *listener_new(struct loop *loop, int socket,
                              void (*on_connection)(void *context, int fd), void *context)
{
    struct listener *listener = malloc(sizeof *listener);
    int flags = fcntl(socket, F_GETFL);

    if (listener == NULL)
        return NULL;
    *listener =
        (struct listener){loop, socket, on_connection, context, {end_pause, listener, 0, 0}};
    if (flags < 0 || fcntl(socket, F_SETFL, flags | O_NONBLOCK) < 0 ||
        loop_add(loop, socket, LOOP_READ, on_event, listener) < 0) {
        int error = errno;
        free(listener);
        errno = error;
        return NULL;
    }
    return listener;
}

void listener_free(struct listener *listener)
{
    loop_clear_timer(listener->loop, &listener->pause);
    loop_remove(listener->loop, listener->socket);
    close(listener->socket);
    free(listener);
}
