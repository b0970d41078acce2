/* dialler.c - the dialler of dialler.h.
 *
 * connect(2) with a socket that does not block only begins.  Which event tells that the outcome is
 * known, and which call tells what it is? */
#include "dialler.h"

#include "peers.h"

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

/* Dials after a pause: how long will the next one be? */
static void pause_dialling(struct dialler *d)
{
    (void)d;
    (void)set_timer;
    (void)dial;
    /* Your code here. */
}

/* A dial has failed, or takes too long. */
static void give_up(void *context)
{
    struct dialler *d = context;

    (void)d;
    (void)pause_dialling;
    /* Your code here. */
}

/* The socket can be written.  Is it connected?  Who tells the loop to forget it? */
static void on_outcome(void *context, unsigned events)
{
    struct dialler *d = context;

    (void)d;
    (void)events;
    (void)give_up;
    /* Your code here. */
}

/* What if there is no descriptor left? */
static void dial(void *context)
{
    struct dialler *d = context;

    (void)on_outcome;
    /* Your code here. */
    d->fd = -1;
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

/* In any state: what may be open, what may be set? */
void dialler_stop(struct dialler *dialler)
{
    (void)dialler;
    /* Your code here. */
}
