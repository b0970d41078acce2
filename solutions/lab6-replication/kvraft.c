/* kvraft.c - the store of kvraft.h: what was applied becomes replies.
 *
 *     client.c --- propose, and a place in the queue of pendings
 *     apply ------ the reply of the first in the queue, if the entry is its own
 *     settle, on_time --- the end of those that will get none
 *
 * An entry is known by its index and term: another leader's may take the index.  Then the request
 * was not done, and never will be; and of all that wait behind it nothing is known yet. */
#include "client.h"

#include <stdlib.h>

/* The first in the queue gets no reply, since its outcome is not known; nor do those of its client
 * that wait behind it. */
static void give_up_first(struct kvraft *kvraft)
{
    struct pending first = pendings_take(&kvraft->pendings);

    free(first.read);
    client_end(first.client);
    client_release(first.client, first.cost);
}

/* --- reads without entries --- */

static bool may_read(const struct kvraft *kvraft, const struct pending *pending)
{
    return pending->place.index <= kvraft->applied &&
           kvraft->server.may_read(kvraft->server.context, &pending->place);
}

/* They are done in their place among the entries, so that each client's requests keep their order:
 * what was proposed before them is applied, and nothing behind them. */
static void answer_reads(struct kvraft *kvraft)
{
    const struct pending *first;
    struct outbox *replies = &kvraft->replies;

    while ((first = pendings_first(&kvraft->pendings)) != NULL && first->read != NULL &&
           may_read(kvraft, first)) {
        struct pending pending = pendings_take(&kvraft->pendings);
        struct client *client = pending.client;
        outbox_turn(replies, client->has_ended ? NULL : client_send, client);
        if (store_apply(kvraft->store, pending.read, pending.read_size, pending.dialect, replies) <
            0)
            client_end(client); /* without memory there is no reply */
        free(pending.read);
        client_release(client, pending.cost);
    }
}

/* --- entries --- */

/* The first in the queue, if it waits at this index.  No read is before it: see raft_may_read. */
static const struct pending *awaited(struct kvraft *kvraft, int32_t index)
{
    const struct pending *entry = pendings_first_entry(&kvraft->pendings);

    if (entry == NULL || entry->place.index != index)
        return NULL;
    while (pendings_first(&kvraft->pendings) != entry)
        give_up_first(kvraft);
    return entry;
}

static int apply_awaited(struct kvraft *kvraft, struct pending pending, int32_t term,
                         const uint8_t *data, size_t len)
{
    struct outbox *replies = &kvraft->replies;
    struct client *client = pending.client;
    bool is_own = pending.place.term == term;

    outbox_turn(replies, is_own && !client->has_ended ? client_send : NULL, client);
    int result = store_apply(kvraft->store, data, len, pending.dialect, replies);
    if (!is_own && !client->has_ended) { /* it was never done, and never will be */
        outbox_turn(replies, client_send, client);
        outbox_put_text(replies, "+TRYAGAIN\r\n");
    }
    client_release(client, pending.cost);
    return result;
}

int kvraft_apply(struct kvraft *kvraft, int32_t index, int32_t term, const uint8_t *data,
                 size_t len)
{
    answer_reads(kvraft);
    kvraft->applied = index;
    if (awaited(kvraft, index) != NULL)
        return apply_awaited(kvraft, pendings_take(&kvraft->pendings), term, data, len);
    outbox_turn(&kvraft->replies, NULL, NULL);
    return store_apply(kvraft->store, data, len, DIALECT_SIMPLE, &kvraft->replies);
}

/* --- the end of waiting --- */

/* Who leads no more, or leads again in another term, does not know of an entry what became of it,
 * unless it was applied. */
void kvraft_settle(struct kvraft *kvraft)
{
    struct raft_status status = kvraft->server.status(kvraft->server.context);
    const struct pending *first;

    answer_reads(kvraft);
    outbox_flush(&kvraft->replies);
    while ((first = pendings_first(&kvraft->pendings)) != NULL &&
           (status.role != RAFT_LEADER || status.term != first->place.term))
        give_up_first(kvraft);
}

/* A leader without a majority may never learn that it leads no more. */
static void on_time(void *context)
{
    struct kvraft *kvraft = context;
    const struct pending *first;
    int64_t now = client_now_ms();

    while ((first = pendings_first(&kvraft->pendings)) != NULL && first->due_ms <= now)
        give_up_first(kvraft);
    if (first != NULL)
        loop_set_timer(kvraft->loop, &kvraft->timer, first->due_ms - now);
}

void kvraft_serve(struct kvraft *kvraft, int fd)
{
    client_serve(kvraft, fd);
}

/* --- all of it --- */

struct kvraft *kvraft_new(struct loop *loop, const struct kvraft_config *config,
                          const struct kvraft_server *server)
{
    struct kvraft *kvraft = calloc(1, sizeof *kvraft);

    if (kvraft == NULL)
        return NULL;
    kvraft->loop = loop;
    kvraft->config = *config;
    kvraft->server = *server;
    kvraft->timer = (struct loop_timer){.on_time = on_time, .context = kvraft};
    kvraft->store = store_new();
    if (kvraft->store != NULL)
        return kvraft;
    free(kvraft);
    return NULL;
}

void kvraft_free(struct kvraft *kvraft)
{
    if (kvraft == NULL)
        return;
    while (kvraft->clients != NULL)
        connection_close(kvraft->clients->connection);
    while (pendings_first(&kvraft->pendings) != NULL)
        give_up_first(kvraft);
    pendings_free(&kvraft->pendings);
    loop_clear_timer(kvraft->loop, &kvraft->timer);
    store_free(kvraft->store);
    free(kvraft->entry);
    free(kvraft);
}
