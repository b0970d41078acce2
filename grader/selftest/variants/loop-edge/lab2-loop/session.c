/* session.c - the sessions of session.h. */
#include "session.h"

#include "net.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* Most reads in a turn, and the bytes owed at which reading stops. */
enum { READS = 4, BOUND = 512 * 1024, CHUNK = 16 * 1024 - 64 };

struct chunk {
    struct chunk *next;
    size_t start, end;
    uint8_t bytes[CHUNK];
};

struct session {
    struct loop *loop;
    int fd;
    bool ended; /* it sends no more */
    size_t owed;
    unsigned wanted;
    struct chunk *first, *last;
    void (*on_gone)(void *context);
    void *context;
};

static void drop_first(struct session *session)
{
    struct chunk *first = session->first;

    session->first = first->next;
    if (session->first == NULL)
        session->last = NULL;
    free(first);
}

static void end(struct session *session)
{
    while (session->first != NULL)
        drop_first(session);
    loop_remove(session->loop, session->fd);
    close(session->fd);
    session->on_gone(session->context);
    free(session);
}

/* The last chunk if it has room, else a new one; NULL: ENOMEM. */
static struct chunk *chunk_with_room(struct session *session)
{
    if (session->last != NULL && session->last->end < CHUNK)
        return session->last;
    struct chunk *chunk = malloc(sizeof *chunk);
    if (chunk == NULL)
        return NULL;
    chunk->next = NULL;
    chunk->start = chunk->end = 0;
    if (session->last != NULL)
        session->last->next = chunk;
    else
        session->first = chunk;
    session->last = chunk;
    return chunk;
}

/* -1: the session is lost. */
static int receive(struct session *session)
{
    for (int reads = 0; reads < READS && session->owed < BOUND && !session->ended; reads++) {
        struct chunk *chunk = chunk_with_room(session);
        if (chunk == NULL)
            return -1;
        ssize_t n = net_read(session->fd, chunk->bytes + chunk->end, CHUNK - chunk->end);
        if (n < 0)
            return errno == EAGAIN ? 0 : -1;
        session->ended = n == 0;
        chunk->end += (size_t)n;
        session->owed += (size_t)n;
    }
    return 0;
}

static int give_back(struct session *session)
{
    while (session->first != NULL) {
        struct chunk *chunk = session->first;
        if (chunk->start == chunk->end) {
            drop_first(session);
            continue;
        }
        ssize_t n =
            send(session->fd, chunk->bytes + chunk->start, chunk->end - chunk->start, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN ? 0 : -1;
        chunk->start += (size_t)n;
        session->owed -= (size_t)n;
    }
    return 0;
}

static void on_event(void *context, unsigned events)
{
    struct session *session = context;

    if ((events & LOOP_READ && receive(session) < 0) || give_back(session) < 0 ||
        (session->ended && session->owed == 0)) {
        end(session);
        return;
    }
    unsigned wanted = session->owed > 0 ? LOOP_WRITE : 0;
    if (!session->ended && session->owed < BOUND)
        wanted |= LOOP_READ;
    /* On edges it may have stopped early, and asks again. */
    if (wanted != session->wanted || loop_is_edge(session->loop))
        loop_change(session->loop, session->fd, wanted);
    session->wanted = wanted;
}

int session_start(struct loop *loop, int fd, void (*on_gone)(void *context), void *context)
{
    struct session *session = calloc(1, sizeof *session);
    int on = 1;

    if (session == NULL)
        return -1;
    *session = (struct session){
        .loop = loop, .fd = fd, .wanted = LOOP_READ, .on_gone = on_gone, .context = context};
    if (ioctl(fd, FIONBIO, &on) < 0 || loop_add(loop, fd, LOOP_READ, on_event, session) < 0) {
        int error = errno;
        free(session);
        errno = error;
        return -1;
    }
    return 0;
}
