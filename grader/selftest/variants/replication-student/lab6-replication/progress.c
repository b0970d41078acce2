/* progress.c - the numbers of progress.h, as requests leave and replies come. */
#include "progress.h"

enum { WINDOW_SIZE = 256 << 10 }; /* with so many bytes under way, no more entries are sent */

static int32_t min(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

static int32_t max(int32_t a, int32_t b)
{
    return a > b ? a : b;
}

/* --- requests --- */

/* Keeps in mind what a refusal of this request would mean.  Heartbeats that find no room stand for
 * the request before them: a refusal then goes back further than it must. */
void progress_note_sent(struct progress *peer, const struct progress_sent *sent)
{
    int count = peer->sent_count;
    bool is_known = count > 0 && peer->sent[count - 1].prev == sent->prev && sent->size == 0;

    if (!is_known && count < PROGRESS_WINDOW)
        peer->sent[peer->sent_count++] = *sent;
}

bool progress_has_room(const struct progress *peer)
{
    size_t size = 0;

    if (peer->is_probed)
        return peer->sent_count == 0;
    for (int i = 0; i < peer->sent_count; i++)
        size += peer->sent[i].size;
    return peer->sent_count < PROGRESS_WINDOW && size < WINDOW_SIZE;
}

void progress_probe(struct progress *peer, int32_t next)
{
    peer->next = next;
    peer->is_probed = true;
    peer->sent_count = 0;
}

/* Whatever was on its way to this server, or back, must have been lost.  What it is known to have
 * it has still. */
void progress_give_up(struct progress *peer)
{
    peer->silent = 0;
    progress_probe(peer, peer->is_probed ? peer->next : peer->match + 1);
}

/* --- replies --- */

/* The request that ack names, of those that were sent since the peer was probed; or NULL. */
static const struct progress_sent *find_sent(const struct progress *peer, uint32_t ack)
{
    int i = peer->sent_count - 1;

    while (i >= 0 && progress_is_later(peer->sent[i].seq, ack))
        i--;
    return i >= 0 ? &peer->sent[i] : NULL;
}

static void forget_answered(struct progress *peer)
{
    int kept = 0;

    for (int i = 0; i < peer->sent_count; i++) {
        if (peer->sent[i].last > peer->match)
            peer->sent[kept++] = peer->sent[i];
    }
    peer->sent_count = kept;
}

/* "If successful: update nextIndex and matchIndex".  A follower takes back nothing that it
 * acknowledged: so match never falls, and what a late success says is still true. */
void progress_succeed(struct progress *peer, const struct append_entries_reply *reply)
{
    bool ends_probe = peer->is_probed && find_sent(peer, reply->ack) != NULL;

    peer->match = max(peer->match, reply->log_index);
    if (ends_probe) {
        peer->is_probed = false;
        peer->sent_count = 0;
        peer->next = peer->match + 1;
    } else if (peer->next <= peer->match) {
        peer->next = peer->match + 1;
        peer->sent_count = 0;
    }
    forget_answered(peer);
}

/* "If AppendEntries fails because of log inconsistency: decrement nextIndex and retry"; by the
 * hint, but by one at least, and never to where the logs are known to match. */
void progress_fail(struct progress *peer, const struct append_entries_reply *reply)
{
    const struct progress_sent *sent = find_sent(peer, reply->ack);

    if (sent != NULL && sent->prev >= peer->match)
        progress_probe(peer, max(peer->match + 1, min(sent->prev, reply->log_index + 1)));
}
