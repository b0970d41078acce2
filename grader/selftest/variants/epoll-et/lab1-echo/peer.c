/* peer.c - see peer.h.  The buffer is filled to its end, then emptied, then filled again. */
#include "peer.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum step { MOVED, STUCK, BROKEN };

struct peer *peer_new(int fd, bool upper)
{
    struct peer *peer = malloc(sizeof *peer);

    if (peer == NULL)
        return NULL;
    peer->fd = fd;
    peer->upper = upper;
    peer->ended = peer->queued = false;
    peer->next = NULL;
    peer->sent = peer->received = 0;
    return peer;
}

void peer_free(struct peer *peer)
{
    close(peer->fd);
    free(peer);
}

static enum step judge_errno(void)
{
    if (errno == EINTR)
        return MOVED;
    return errno == EAGAIN || errno == EWOULDBLOCK ? STUCK : BROKEN;
}

static void to_capitals(unsigned char *from, const unsigned char *to)
{
    static const char small[] = "abcdefghijklmnopqrstuvwxyz";

    for (; from < to; from++)
        if (*from >= (unsigned char)small[0] && *from <= (unsigned char)small[25])
            *from = (unsigned char)(*from & ~0x20u);
}

static enum step receive(struct peer *peer)
{
    unsigned char *free_part = peer->buffer + peer->received;

    if (peer->ended || peer->received == PEER_BUFFER)
        return STUCK;
    ssize_t n = recv(peer->fd, free_part, PEER_BUFFER - peer->received, 0);
    if (n < 0)
        return judge_errno();
    if (n == 0) {
        peer->ended = true;
        return MOVED;
    }
    if (peer->upper)
        to_capitals(free_part, free_part + n);
    peer->received += (size_t)n;
    return MOVED;
}

static enum step transmit(struct peer *peer)
{
    if (peer->sent == peer->received)
        return STUCK;
    ssize_t n = send(peer->fd, peer->buffer + peer->sent, peer->received - peer->sent, 0);
    if (n < 0)
        return judge_errno();
    peer->sent += (size_t)n;
    if (peer->sent == peer->received)
        peer->sent = peer->received = 0;
    return MOVED;
}

enum peer_state peer_turn(struct peer *peer)
{
    for (int i = 0; i < PEER_TURN; i++) {
        enum step in = receive(peer);
        enum step out = in == BROKEN ? BROKEN : transmit(peer);
        if (out == BROKEN || (peer->ended && peer->sent == peer->received))
            return PEER_GONE;
        if (in == STUCK && out == STUCK)
            return PEER_WAITS;
    }
    return PEER_HAS_MORE;
}
