/* raft_node.c - a node of a cluster that holds elections, and keeps no log.
 *
 *     peers.h --- messages ---> raft.h --- messages ---> peers.h
 *     a timer of the loop ----/       \--- term, vote -> raft_node_vote.c
 *
 * All runs in one thread, on one loop. */
#include "raft_node.h"

#include "cluster.h"
#include "peers.h"

#include <arpa/inet.h>
#include <err.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

enum { MS_PER_S = 1000, NS_PER_MS = 1000000, LONGEST_DELAY_MS = 3600 * 1000 };

struct node {
    struct loop *loop;
    struct cluster cluster;
    struct peers *peers;
    struct raft *raft;
    struct loop_timer timer; /* set for raft_deadline */
    struct node_clients clients;
    struct vote_file vote_file;
    int32_t term, voted_for;
    bool is_saved; /* these two are on the disk */
};

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * MS_PER_S + now.tv_nsec / NS_PER_MS;
}

/* --- what the core does --- */

static void send_message(void *context, int32_t to, const uint8_t *message, size_t len)
{
    const struct node *node = context;

    peers_send(node->peers, to, message, len);
}

static void save_vote(void *context, int32_t term, int32_t voted_for)
{
    struct node *node = context;

    node->term = term;
    node->voted_for = voted_for;
    node->is_saved = false;
}

static void sync_vote(void *context)
{
    struct node *node = context;

    if (!node->is_saved)
        vote_file_write(&node->vote_file, node->term, node->voted_for);
    node->is_saved = true;
}

/* There is no log to save or apply. */
static void save_no_entry(void *context, int32_t index, int32_t term, const uint8_t *data,
                          size_t len)
{
    (void)context;
    (void)index;
    (void)term;
    (void)data;
    (void)len;
}

/* --- what happens to the core: after each call, its deadline may be another --- */

static void set_timer(struct node *node, int64_t now)
{
    int64_t deadline = raft_deadline(node->raft);
    int64_t delay = deadline <= now ? 0 : deadline - now;

    if (delay > LONGEST_DELAY_MS)
        delay = LONGEST_DELAY_MS;
    if (loop_set_timer(node->loop, &node->timer, delay) < 0)
        err(EXIT_FAILURE, "timer");
}

static void tick(void *context)
{
    struct node *node = context;
    int64_t now = now_ms();

    raft_tick(node->raft, now);
    set_timer(node, now);
}

static bool take_message(void *context, int32_t from, const uint8_t *message, size_t len)
{
    struct node *node = context;
    int64_t now = now_ms();
    bool is_right = raft_receive(node->raft, now, from, message, len);

    set_timer(node, now);
    return is_right;
}

static void take_client(void *context, int fd)
{
    const struct node *node = context;

    node_serve_client(&node->clients, fd);
}

/* --- the start --- */

static bool read_cluster(struct node *node, const char *path)
{
    struct cluster_error error;

    if (cluster_read(path, &node->cluster, &error) == 0)
        return true;
    if (error.line > 0)
        fprintf(stderr, "raft_node: %s, line %d: %s\n", path, error.line, error.text);
    else
        fprintf(stderr, "raft_node: %s: %s\n", path, error.text);
    return false;
}

static void open_vote_file(struct node *node, const struct node_options *options)
{
    static char folder[32];

    snprintf(folder, sizeof folder, "raft-%d", node->cluster.self);
    node->vote_file.name = options->data != NULL ? options->data : folder;
    node->vote_file.id = node->cluster.self;
    node->vote_file.no_fsync = options->no_fsync;
    vote_file_open(&node->vote_file, &node->term, &node->voted_for);
    node->is_saved = true;
}

static void make_raft(struct node *node, const struct node_options *options)
{
    const struct raft_host host = {
        .context = node,
        .send = send_message,
        .save_vote = save_vote,
        .save_entry = save_no_entry,
        .sync = sync_vote,
        .apply = save_no_entry,
    };
    struct raft_config config = {
        .id = node->cluster.self,
        .servers = node->cluster.count,
        .election_min_ms = options->election_min_ms,
        .election_max_ms = options->election_max_ms,
        .heartbeat_ms = options->heartbeat_ms,
        .term = node->term,
        .voted_for = node->voted_for,
    };

    if (getrandom(&config.seed, sizeof config.seed, 0) != (ssize_t)sizeof config.seed)
        err(EXIT_FAILURE, "random numbers");
    node->raft = raft_new(&config, &host, now_ms());
    if (node->raft == NULL)
        err(EXIT_FAILURE, "core");
}

/* ADDRESS:PORT, where clients come. */
static const char *own_address(const struct node *node)
{
    static char text[INET_ADDRSTRLEN + 8];
    const struct sockaddr_in *own = &node->cluster.clients[node->cluster.self - 1];
    char address[INET_ADDRSTRLEN];

    inet_ntop(AF_INET, &own->sin_addr, address, sizeof address);
    snprintf(text, sizeof text, "%s:%d", address, ntohs(own->sin_port));
    return text;
}

static void join(struct node *node)
{
    static const struct peers_events events = {.on_message = take_message,
                                               .on_client = take_client};

    node->peers = peers_new(node->loop, &node->cluster, &events, node);
    if (node->peers == NULL)
        err(EXIT_FAILURE, "can't listen at %s, or at the Raft port", own_address(node));
    node->timer = (struct loop_timer){.on_time = tick, .context = node};
    set_timer(node, now_ms());
}

static void say_ready(const struct node *node)
{
    printf("listening on %s\n", own_address(node));
    fflush(stdout);
}

int main(int argc, char **argv)
{
    static struct node node;
    struct node_options options;

    if (!node_parse_options(argc, argv, &options) || !read_cluster(&node, options.config))
        return 2;
    signal(SIGPIPE, SIG_IGN);
    open_vote_file(&node, &options);
    node.loop = loop_new("epoll");
    if (node.loop == NULL)
        err(EXIT_FAILURE, "loop");
    make_raft(&node, &options);
    node.clients = (struct node_clients){node.loop, node.raft, node.cluster.self, options.is_resp2};
    join(&node);
    say_ready(&node);
    if (loop_run(node.loop) < 0)
        err(EXIT_FAILURE, "loop");
    return EXIT_SUCCESS;
}
