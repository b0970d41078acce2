/* progress.h - what a leader knows of another server: match for certain, next as a guess.
 *
 * A peer is probed as long as next may be wrong: one request is under way to it.  After a success
 * next moves ahead of the replies, with a window of requests under way. */
#ifndef PROGRESS_H
#define PROGRESS_H

#include "message.h"

enum { PROGRESS_WINDOW = 8 };

/* A request that may still be answered, or several that were alike but for their seq. */
struct progress_sent {
    uint32_t seq; /* of the first of them */
    int32_t prev, last;
    size_t size; /* bytes of the entries */
};

struct progress {
    int32_t next, match;
    uint32_t acked; /* the latest ack of this term; before any, the seq when it began */
    int silent;     /* heartbeats since it answered last */
    bool is_probed;
    int sent_count; /* requests under way that are kept in mind, the oldest first */
    struct progress_sent sent[PROGRESS_WINDOW];
};

/* Serial numbers wrap: RFC 1982. */
static inline bool progress_is_later(uint32_t seq, uint32_t than)
{
    return (int32_t)(seq - than) > 0;
}

/* Begins to probe, from next; whatever is under way counts no more. */
void progress_probe(struct progress *peer, int32_t next);

/* Whether entries may be sent now. */
bool progress_has_room(const struct progress *peer);

void progress_note_sent(struct progress *peer, const struct progress_sent *sent);

/* It has been silent for too long. */
void progress_give_up(struct progress *peer);

/* A reply of this term. */
void progress_succeed(struct progress *peer, const struct append_entries_reply *reply);
void progress_fail(struct progress *peer, const struct append_entries_reply *reply);

#endif
