/* raft_pools_raft.c - what happens to the core, as jobs: each node has a lane for what it sends,
 * and time has one.  So a node's messages come in their order, and none that floods delays an
 * election by more than a job. */
#include "raft_pools.h"

#include "message.h"

#include <err.h>
#include <stdlib.h>
#include <string.h>

struct receipt {
    struct lane_job job;
    struct raft_side *side;
    int32_t from;
    bool is_right;
    size_t len;
    uint8_t message[];
};

/* In the loop's thread, after each call of the core. */
static void after_call(struct raft_side *side)
{
    shared_send_out(side->shared, side->peers);
    node_set_timer(side->loop, &side->timer, shared_deadline(side->shared));
}

/* --- messages --- */

static void receive(struct lane_job *job)
{
    struct receipt *receipt = (struct receipt *)job;

    receipt->is_right =
        shared_receive(receipt->side->shared, receipt->from, receipt->message, receipt->len);
}

static void received(struct lane_job *job)
{
    struct receipt *receipt = (struct receipt *)job;
    struct sender *sender = &receipt->side->senders[receipt->from];

    sender->bytes -= receipt->len;
    if (!job->is_dropped && !receipt->is_right)
        sender->is_refused = true;
    after_call(receipt->side);
    free(receipt);
}

static struct receipt *new_receipt(struct raft_side *side, int32_t from, const uint8_t *message,
                                   size_t len)
{
    struct receipt *receipt = malloc(sizeof *receipt + len);

    if (receipt == NULL)
        return NULL;
    *receipt = (struct receipt){.job = {.work = receive, .done = received},
                                .side = side,
                                .from = from,
                                .len = len};
    memcpy(receipt->message, message, len);
    return receipt;
}

/* As much may wait of one node as may wait for it: peers_send. */
static bool has_room(const struct sender *sender, size_t len)
{
    return sender->bytes == 0 || sender->bytes + len < PEERS_QUEUE_BOUND;
}

/* What finds no room is lost: Raft lives with that.  Of nobody known, only a vote's reply is no
 * fault, and no use either. */
static bool take_message(void *context, int32_t from, const uint8_t *message, size_t len)
{
    struct raft_side *side = context;
    struct sender *sender = &side->senders[from];

    if (from == RAFT_NOBODY)
        return message[0] == REQUEST_VOTE_REPLY;
    if (sender->is_refused) {
        sender->is_refused = false;
        return false;
    }
    struct receipt *receipt = has_room(sender, len) ? new_receipt(side, from, message, len) : NULL;
    if (receipt == NULL)
        return true;
    if (lanes_submit(side->lanes, &sender->lane, &receipt->job) < 0)
        free(receipt);
    else
        sender->bytes += len;
    return true;
}

/* --- time --- */

static struct raft_side *side_of(struct lane_job *tick)
{
    return (struct raft_side *)((char *)tick - offsetof(struct raft_side, tick));
}

static void tick(struct lane_job *job)
{
    shared_tick(side_of(job)->shared);
}

static void ticked(struct lane_job *job)
{
    after_call(side_of(job));
}

/* One that is on its way is soon enough, and sets the timer again. */
static void on_time(void *context)
{
    struct raft_side *side = context;

    if (side->ticks.jobs == 0)
        lanes_submit(side->lanes, &side->ticks, &side->tick);
}

/* --- all of it --- */

static void take_client(void *context, int fd)
{
    const struct raft_side *side = context;

    client_side_serve(side->clients, fd);
}

void raft_side_join(struct raft_side *side)
{
    static const struct peers_events events = {.on_message = take_message,
                                               .on_client = take_client};
    const struct node_core *core = &side->shared->core;

    side->peers = peers_new(side->loop, &core->cluster, &events, side);
    if (side->peers == NULL)
        err(EXIT_FAILURE, "can't listen at %s, or at the Raft port", node_address(&core->cluster));
    side->tick = (struct lane_job){.work = tick, .done = ticked};
    side->timer = (struct loop_timer){.on_time = on_time, .context = side};
    after_call(side);
}

void raft_side_leave(struct raft_side *side)
{
    loop_clear_timer(side->loop, &side->timer);
    peers_free(side->peers);
}
