/* peer.h - a client of the edge-triggered server, and what it is still owed. */
#ifndef PEER_H
#define PEER_H

#include <stdbool.h>
#include <stddef.h>

enum { PEER_BUFFER = 256 * 1024, PEER_TURN = 8 };

struct peer {
    int fd;
    bool upper;
    bool ended; /* has sent all */
    bool queued;
    struct peer *next; /* in the line */
    size_t sent, received;
    unsigned char buffer[PEER_BUFFER];
};

enum peer_state { PEER_WAITS, PEER_HAS_MORE, PEER_GONE };

/* Takes fd over.  NULL: no memory. */
struct peer *peer_new(int fd, bool upper);

void peer_free(struct peer *peer);

/* Reads and writes until neither goes any further, but at most PEER_TURN times.  WAITS: an edge
 * will tell when to go on. */
enum peer_state peer_turn(struct peer *peer);

#endif
