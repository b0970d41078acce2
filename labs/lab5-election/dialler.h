/* dialler.h - dials one address until it is reached, and again whenever that connection is lost.
 *
 *     dial -- connected --> held -- dialler_lost --> pause --> dial
 *       \---- failed, or PEERS_DIAL_TIMEOUT_MS are over ---/
 *
 * A pause is twice as long as the one before; it is short again after a connection that held for
 * as long as the longest.  So neither an address where nobody listens, nor one where each
 * connection is accepted and dropped, is dialled all the time.  A socket that was connected to
 * itself has failed, and is reset. */
#ifndef DIALLER_H
#define DIALLER_H

#include "loop.h"

#include <netinet/in.h>

/* The first four are the owner's to set, who keeps it in place; all else is zero at first. */
struct dialler {
    struct loop *loop;
    struct sockaddr_in address;
    void (*on_connected)(void *context, int fd); /* fd is the callee's, and does not block */
    void *context;
    struct loop_timer timer; /* ends a dial, or a pause; tells that a connection held */
    int64_t pause_ms;        /* the next */
    int fd;                  /* of a dial, else -1; dialler_start sets it */
};

/* on_connected is called in a later turn, or after many a pause. */
void dialler_start(struct dialler *dialler);

/* The connection that on_connected was given has ended, or can't be used. */
void dialler_lost(struct dialler *dialler);

/* Nothing is called after this.  The dialler was started. */
void dialler_stop(struct dialler *dialler);

#endif
