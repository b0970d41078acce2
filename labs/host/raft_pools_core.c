/* raft_pools_core.c - the core, which any thread may call: behind one lock.
 *
 * The core may flush its vote to a disk before it sends, and holds the lock meanwhile: nothing else
 * may happen to it then.  Whoever only wants to know who leads, or when the core's next deadline
 * is, would wait for the disk: so these are kept beside it, behind a lock of their own, and so is
 * what the core sends.  A connection belongs to the loop's thread, which takes the messages from
 * there; they leave in the order in which the core sent them, whichever worker's call that was. */
#include "raft_pools.h"

#include <stdlib.h>
#include <string.h>

struct outgoing {
    struct outgoing *next;
    int32_t to;
    size_t len;
    uint8_t message[];
};

/* Called by the core, and so under both its lock and the caller's.  No memory: it is lost. */
static void keep_message(void *context, int32_t to, const uint8_t *message, size_t len)
{
    struct shared_core *shared = context;
    struct outgoing *outgoing = malloc(sizeof *outgoing + len);

    if (outgoing == NULL)
        return;
    *outgoing = (struct outgoing){.to = to, .len = len};
    memcpy(outgoing->message, message, len);
    pthread_mutex_lock(&shared->facts);
    *shared->after = outgoing;
    shared->after = &outgoing->next;
    pthread_mutex_unlock(&shared->facts);
}

/* Under the core's lock. */
static void note_facts(struct shared_core *shared)
{
    struct raft_status status = raft_status(shared->core.raft);
    int64_t deadline = raft_deadline(shared->core.raft);

    pthread_mutex_lock(&shared->facts);
    shared->leader = status.leader;
    shared->deadline = deadline;
    pthread_mutex_unlock(&shared->facts);
}

void shared_core_init(struct shared_core *shared, const struct node_options *options)
{
    pthread_mutex_init(&shared->lock, NULL);
    pthread_mutex_init(&shared->facts, NULL);
    shared->after = &shared->first;
    shared->core.send = keep_message;
    shared->core.context = shared;
    node_make_core(&shared->core, options);
    note_facts(shared);
}

void shared_tick(struct shared_core *shared)
{
    pthread_mutex_lock(&shared->lock);
    raft_tick(shared->core.raft, node_now_ms());
    note_facts(shared);
    pthread_mutex_unlock(&shared->lock);
}

bool shared_receive(struct shared_core *shared, int32_t from, const uint8_t *message, size_t len)
{
    pthread_mutex_lock(&shared->lock);
    bool is_right = raft_receive(shared->core.raft, node_now_ms(), from, message, len);
    note_facts(shared);
    pthread_mutex_unlock(&shared->lock);
    return is_right;
}

int32_t shared_leader(struct shared_core *shared)
{
    pthread_mutex_lock(&shared->facts);
    int32_t leader = shared->leader;
    pthread_mutex_unlock(&shared->facts);
    return leader;
}

int64_t shared_deadline(struct shared_core *shared)
{
    pthread_mutex_lock(&shared->facts);
    int64_t deadline = shared->deadline;
    pthread_mutex_unlock(&shared->facts);
    return deadline;
}

/* Takes all at once: to send is not to hold up the core. */
void shared_send_out(struct shared_core *shared, struct peers *peers)
{
    pthread_mutex_lock(&shared->facts);
    struct outgoing *next = shared->first;
    shared->first = NULL;
    shared->after = &shared->first;
    pthread_mutex_unlock(&shared->facts);

    while (next != NULL) {
        struct outgoing *outgoing = next;
        next = outgoing->next;
        peers_send(peers, outgoing->to, outgoing->message, outgoing->len);
        free(outgoing);
    }
}
