/* raft_node.c - a node of a cluster that holds elections, and keeps no log.
 *
 *     peers.h --- messages ---> raft.h --- messages ---> peers.h
 *     a timer of the loop ----/       \--- term, vote -> raft_node_vote.c
 *
 * All runs in one thread, on one loop. */
#include "raft_node.h"

#include "peers.h"
#include "raft_node_clients.h"

#include <err.h>
#include <signal.h>
#include <stdlib.h>

struct node {
    struct loop *loop;
    struct node_core core;
    struct peers *peers;
    struct loop_timer timer; /* set for raft_deadline */
    struct node_clients clients;
};

static void send_message(void *context, int32_t to, const uint8_t *message, size_t len)
{
    const struct node *node = context;

    peers_send(node->peers, to, message, len);
}

/* --- what happens to the core: after each call, its deadline may be another --- */

static void set_timer(struct node *node)
{
    node_set_timer(node->loop, &node->timer, raft_deadline(node->core.raft));
}

static void tick(void *context)
{
    struct node *node = context;

    raft_tick(node->core.raft, node_now_ms());
    set_timer(node);
}

static bool take_message(void *context, int32_t from, const uint8_t *message, size_t len)
{
    struct node *node = context;
    bool is_right = raft_receive(node->core.raft, node_now_ms(), from, message, len);

    set_timer(node);
    return is_right;
}

static void take_client(void *context, int fd)
{
    const struct node *node = context;

    node_serve_client(&node->clients, fd);
}

/* --- the start --- */

static void join(struct node *node)
{
    static const struct peers_events events = {.on_message = take_message,
                                               .on_client = take_client};

    node->peers = peers_new(node->loop, &node->core.cluster, &events, node);
    if (node->peers == NULL)
        err(EXIT_FAILURE, "can't listen at %s, or at the Raft port",
            node_address(&node->core.cluster));
    node->timer = (struct loop_timer){.on_time = tick, .context = node};
    set_timer(node);
}

int main(int argc, char **argv)
{
    static struct node node = {.core = {.send = send_message, .context = &node}};
    struct node_options options;

    if (!node_parse_options(argc, argv, NODE_NOTHING, &options) ||
        !node_read_cluster(&node.core.cluster, &options))
        return 2;
    signal(SIGPIPE, SIG_IGN);
    node.loop = loop_new("epoll");
    if (node.loop == NULL)
        err(EXIT_FAILURE, "loop");
    node_make_core(&node.core, &options);
    node.clients =
        (struct node_clients){node.loop, node.core.raft, node.core.cluster.self, options.is_resp2};
    join(&node);
    node_say_ready(&node.core.cluster);
    if (loop_run(node.loop) < 0)
        err(EXIT_FAILURE, "loop");
    return EXIT_SUCCESS;
}
