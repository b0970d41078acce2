/* listener.c - the listener of listener.h. */
#include "listener.h"

#include "net.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* MOST_AT_ONCE: a crowd that connects leaves the others their turns. */
enum { PAUSE_MS = 100, MOST_AT_ONCE = 64 };

struct listener {
    struct loop *loop;
    int socket;
    void (*on_connection)(void *context, int fd);
    void *context;
    struct loop_timer pause;
    bool *freed; /* set while on_connection runs: to be told of listener_free */
};

/* Without the timer nobody would end the pause.  So where it can't be set, the listener asks again
 * at once: it spins until there is memory, which is better than to be deaf for good.  (It is deaf
 * if there is none for the interest either; each takes a few bytes that were there before.) */
static void pause_accepting(struct listener *listener)
{
    if (loop_set_timer(listener->loop, &listener->pause, PAUSE_MS) < 0)
        loop_change(listener->loop, listener->socket, LOOP_READ);
    else
        loop_change(listener->loop, listener->socket, 0);
}

static void end_pause(void *context)
{
    struct listener *listener = context;

    if (loop_change(listener->loop, listener->socket, LOOP_READ) < 0)
        pause_accepting(listener);
}

/* Any error but EAGAIN pauses: a shortage, for which this is meant, and whatever else there may be,
 * as it would come again at once. */
static void on_event(void *context, unsigned events)
{
    struct listener *listener = context;
    bool freed = false;

    (void)events;
    for (int i = 0; i < MOST_AT_ONCE; i++) {
        int fd = net_accept(listener->socket);
        if (fd < 0) {
            if (errno != EAGAIN && errno != EWOULDBLOCK)
                pause_accepting(listener);
            return;
        }
        listener->freed = &freed;
        listener->on_connection(listener->context, fd);
        if (freed)
            return;
        listener->freed = NULL;
    }
    loop_change(listener->loop, listener->socket, LOOP_READ); /* the rest, on edges */
}

static int set_nonblocking(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    return flags < 0 ? -1 : fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

struct listener *listener_new(struct loop *loop, int socket,
                              void (*on_connection)(void *context, int fd), void *context)
{
    struct listener *listener = malloc(sizeof *listener);

    if (listener == NULL)
        return NULL;
    *listener = (struct listener){
        .loop = loop,
        .socket = socket,
        .on_connection = on_connection,
        .context = context,
        .pause = {.on_time = end_pause, .context = listener},
    };
    if (set_nonblocking(socket) < 0 || loop_add(loop, socket, LOOP_READ, on_event, listener) < 0) {
        int error = errno;
        free(listener);
        errno = error;
        return NULL;
    }
    return listener;
}

void listener_free(struct listener *listener)
{
    if (listener->freed != NULL)
        *listener->freed = true;
    loop_clear_timer(listener->loop, &listener->pause);
    loop_remove(listener->loop, listener->socket);
    close(listener->socket);
    free(listener);
}
