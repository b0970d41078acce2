/* raft_pools.c - raft_node with threads: a pool for clients, one for Raft, the core behind a lock.
 *
 *     clients -- requests --> client pool -- replies --> clients
 *                                 | who leads?
 *     peers.h -- messages --> Raft pool --> raft.h, raft_node_vote.c (the disk)
 *     a timer of the loop ------/               \-- messages --> peers.h
 *
 * Sockets, timers and all else that is the loop's stay in its thread, which so never waits for a
 * disk, a lock that is held for long, or a long request; and a flood of requests never delays an
 * election, since their workers are others. */
#include "raft_pools.h"

#include <err.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>

/* Of one client, and of one node, in their pool's hands. */
enum { MOST_PIECES = 4, MOST_MESSAGES = 1024 };

struct node {
    struct loop *loop;
    struct shared_core shared;
    struct raft_side raft;
    struct client_side clients;
};

static struct node node;
static volatile sig_atomic_t is_to_end;

static void on_wake(void *context)
{
    (void)context;
    lanes_deliver(node.raft.lanes);
    lanes_deliver(node.clients.lanes);
    if (is_to_end)
        loop_stop(node.loop);
}

static void on_signal(int number)
{
    (void)number;
    is_to_end = 1;
    loop_wake(node.loop); /* loop.h allows it here.  NOLINT(bugprone-signal-handler) */
}

static struct lanes *start_pool(int workers, int most_jobs)
{
    struct lanes *lanes = lanes_new(node.loop, workers, most_jobs);

    if (lanes == NULL)
        err(EXIT_FAILURE, "pool");
    return lanes;
}

static void start(const struct node_options *options)
{
    node.loop = loop_new("epoll");
    if (node.loop == NULL)
        err(EXIT_FAILURE, "loop");
    loop_on_wake(node.loop, on_wake, NULL);
    shared_core_init(&node.shared, options);
    node.clients = (struct client_side){
        .loop = node.loop,
        .lanes = start_pool(options->client_workers, MOST_PIECES),
        .shared = &node.shared,
        .is_resp2 = options->is_resp2,
    };
    node.raft.loop = node.loop;
    node.raft.lanes = start_pool(options->raft_workers, MOST_MESSAGES);
    node.raft.shared = &node.shared;
    node.raft.clients = &node.clients;
    raft_side_join(&node.raft);
}

/* The pools first: what their jobs still do is done with all else in its place. */
static void end(void)
{
    client_side_leave(&node.clients);
    lanes_free(node.clients.lanes);
    lanes_free(node.raft.lanes);
    raft_side_leave(&node.raft);
    loop_free(node.loop);
    raft_free(node.shared.core.raft);
}

int main(int argc, char **argv)
{
    struct node_options options;

    if (!node_parse_options(argc, argv, NODE_WORKERS, &options) ||
        !node_read_cluster(&node.shared.core.cluster, &options))
        return 2;
    signal(SIGPIPE, SIG_IGN);
    start(&options);
    signal(SIGTERM, on_signal);
    node_say_ready(&node.shared.core.cluster);
    if (loop_run(node.loop) < 0)
        err(EXIT_FAILURE, "loop");
    end();
    return EXIT_SUCCESS;
}
