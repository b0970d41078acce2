/* kvraft.c - the store of kvraft.h: what clients ask for becomes entries, and what was applied
 * becomes replies.
 *
 *     client.c --- propose, and a place in the queue of pendings
 *     apply ------ the reply of the one that waits for this entry
 *     settle, a timer --- the end of those that will get none
 *
 * Your kv_server of lab 3 answers a command when it has read it.  Here it only proposes it, and the
 * reply is due when the entry comes back, much later, or never.  What else may happen meanwhile: to
 * the client, to this server, to the time?
 *
 * PROTOCOL, section 5, "Client commands", says what a client may get, and when.  All files of the
 * store are yours: begin anew, if you had rather divide it in another way.
 *
 * Stage 6.21 (an extension): with begin_read and may_read of the server a read needs no entry.  What
 * is its place among the entries then? */
#include "client.h"

#include <stdlib.h>

/* --- entries --- */

/* Stage 6.18: the first in the queue gets no reply, since its outcome is not known.  Which other
 * ones get none then? */
static void give_up_first(struct kvraft *kvraft)
{
    (void)kvraft;
    /* Your code here. */
}

/* Stage 6.17: every server does this, whoever proposed the entry.  What of its bytes can be relied
 * on?  Stage 6.18: someone waits at this index, and the term is another one: what is known now? */
int kvraft_apply(struct kvraft *kvraft, int32_t index, int32_t term, const uint8_t *data,
                 size_t len)
{
    (void)kvraft;
    (void)index;
    (void)term;
    (void)data;
    (void)len;
    /* Your code here. */
    return 0;
}

/* --- the end of waiting --- */

/* Stage 6.18: this server led, and does so no more: who waits in vain?  May it be told that its
 * write was not done? */
void kvraft_settle(struct kvraft *kvraft)
{
    (void)kvraft;
    (void)give_up_first;
    /* Your code here. */
}

/* Stage 6.18: a leader that hears of nobody may never learn that it leads no more.  How long does it
 * let its clients wait? */
static void on_time(void *context)
{
    (void)context;
    /* Your code here. */
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

/* Who still points at what, when this is called? */
void kvraft_free(struct kvraft *kvraft)
{
    if (kvraft == NULL)
        return;
    /* Your code here. */
    store_free(kvraft->store);
    free(kvraft);
}
