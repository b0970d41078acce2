/* kvraft.c - a node of a cluster that keeps a store: clients' commands go through its log.
 *
 *     peers.h --- messages ---> raft.h --- messages --------> peers.h
 *        \--- clients             |  \--- term, vote, log --> storage.h
 *                \                |   \-- what to apply ----\
 *                 kvraft.h -- proposals                      kvraft.h -- replies --> clients
 *
 * All runs in one thread, on one loop.  What clients propose in one turn of it goes to the core one
 * by one, which only saves; a timer that is due at once ends the turn, and the core's tick sends and
 * syncs all of it together. */
#include "kvraft_node.h"

#include "kvraft.h"
#include "peers.h"

#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

struct node {
    struct loop *loop;
    struct durable_core core;
    struct peers *peers;
    struct kvraft *kvraft;
    struct loop_timer timer; /* set for raft_deadline */
    bool is_tick_due;        /* set for the time now, since something was proposed */
    int64_t now;
};

/* --- what the core does --- */

static void send_message(void *context, int32_t to, const uint8_t *message, size_t len)
{
    const struct node *node = context;

    peers_send(node->peers, to, message, len);
}

static void apply(void *context, int32_t index, int32_t term, const uint8_t *data, size_t len)
{
    const struct node *node = context;

    if (kvraft_apply(node->kvraft, index, term, data, len) < 0)
        err(EXIT_FAILURE, "entry %d", index);
}

/* --- what happens to the core: after each call there may be replies, and another deadline --- */

static void settle(struct node *node)
{
    kvraft_settle(node->kvraft);
    node_set_timer(node->loop, &node->timer, raft_deadline(node->core.raft));
}

static void tick(void *context)
{
    struct node *node = context;

    node->is_tick_due = false;
    raft_tick(node->core.raft, node_now_ms());
    settle(node);
}

static bool take_message(void *context, int32_t from, const uint8_t *message, size_t len)
{
    struct node *node = context;
    bool is_right = raft_receive(node->core.raft, node_now_ms(), from, message, len);

    settle(node);
    return is_right;
}

/* --- what clients want of it: there is something to be sent in this turn --- */

static void tick_soon(struct node *node)
{
    if (node->is_tick_due)
        return;
    node->now = node_now_ms();
    node->is_tick_due = true;
    node_set_timer(node->loop, &node->timer, node->now);
}

static int32_t propose(void *context, const uint8_t *data, size_t len)
{
    struct node *node = context;

    tick_soon(node);
    return raft_propose(node->core.raft, node->now, data, len);
}

static struct raft_status status(void *context)
{
    const struct node *node = context;

    return raft_status(node->core.raft);
}

static bool begin_read(void *context, struct raft_read *read)
{
    struct node *node = context;
    bool has_begun = raft_begin_read(node->core.raft, read);

    if (has_begun)
        tick_soon(node);
    return has_begun;
}

static bool may_read(void *context, const struct raft_read *read)
{
    const struct node *node = context;

    return raft_may_read(node->core.raft, read);
}

static void take_client(void *context, int fd)
{
    const struct node *node = context;

    kvraft_serve(node->kvraft, fd);
}

/* --- the start --- */

static void start(struct node *node, const struct node_options *options)
{
    const struct kvraft_server server = {
        .context = node,
        .propose = propose,
        .status = status,
        .begin_read = options->is_read_index ? begin_read : NULL,
        .may_read = may_read,
    };
    const struct kvraft_config config = {
        .id = node->core.cluster.self,
        .election_max_ms = options->election_max_ms,
        .is_resp2 = options->is_resp2,
    };

    node->loop = loop_new("epoll");
    if (node->loop == NULL)
        err(EXIT_FAILURE, "loop");
    durable_core_open(&node->core, options);
    node->kvraft = kvraft_new(node->loop, &config, &server);
    if (node->kvraft == NULL)
        err(EXIT_FAILURE, "store");
}

static void join(struct node *node)
{
    static const struct peers_events events = {.on_message = take_message,
                                               .on_client = take_client};

    node->peers = peers_new(node->loop, &node->core.cluster, &events, node);
    if (node->peers == NULL)
        err(EXIT_FAILURE, "can't listen at %s, or at the Raft port",
            node_address(&node->core.cluster));
    node->timer = (struct loop_timer){.on_time = tick, .context = node};
    node_set_timer(node->loop, &node->timer, raft_deadline(node->core.raft));
}

int main(int argc, char **argv)
{
    static struct node node = {
        .core = {.send = send_message, .apply = apply, .context = &node},
    };
    struct node_options options;

    if (!node_parse_options(argc, argv, NODE_READ_INDEX, &options) ||
        !node_read_cluster(&node.core.cluster, &options))
        return 2;
    if (options.is_read_index && !raft_can_read()) {
        fprintf(stderr, "%s: --read-index is an extension, and read_index.c was not attempted\n",
                program_invocation_short_name);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    start(&node, &options);
    join(&node);
    node_say_ready(&node.core.cluster);
    if (loop_run(node.loop) < 0)
        err(EXIT_FAILURE, "loop");
    return EXIT_SUCCESS;
}
