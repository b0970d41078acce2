/* raft_node_cluster.c - what every node starts from, whatever it keeps: the cluster's file, the
 * core's configuration, the clock. */
#include "raft_node.h"

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

enum { MS_PER_S = 1000, NS_PER_MS = 1000000, LONGEST_DELAY_MS = 3600 * 1000 };

bool node_read_cluster(struct cluster *cluster, const struct node_options *options)
{
    struct cluster_error error;
    const char *program = program_invocation_short_name;

    if (cluster_read(options->config, cluster, &error) == 0)
        return true;
    if (error.line > 0)
        fprintf(stderr, "%s: %s, line %d: %s\n", program, options->config, error.line, error.text);
    else
        fprintf(stderr, "%s: %s: %s\n", program, options->config, error.text);
    return false;
}

const char *node_folder(const struct cluster *cluster, const struct node_options *options)
{
    static char folder[32];

    if (options->data != NULL)
        return options->data;
    snprintf(folder, sizeof folder, "raft-%d", cluster->self);
    return folder;
}

struct raft_config node_raft_config(const struct cluster *cluster,
                                    const struct node_options *options)
{
    struct raft_config config = {
        .id = cluster->self,
        .servers = cluster->count,
        .election_min_ms = options->election_min_ms,
        .election_max_ms = options->election_max_ms,
        .heartbeat_ms = options->heartbeat_ms,
    };

    if (getrandom(&config.seed, sizeof config.seed, 0) != (ssize_t)sizeof config.seed)
        err(EXIT_FAILURE, "random numbers");
    return config;
}

/* --- time, and words --- */

int64_t node_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * MS_PER_S + now.tv_nsec / NS_PER_MS;
}

void node_set_timer(struct loop *loop, struct loop_timer *timer, int64_t deadline)
{
    int64_t now = node_now_ms();
    int64_t delay = deadline <= now ? 0 : deadline - now;

    if (delay > LONGEST_DELAY_MS)
        delay = LONGEST_DELAY_MS;
    if (loop_set_timer(loop, timer, delay) < 0)
        err(EXIT_FAILURE, "timer");
}

const char *node_address(const struct cluster *cluster)
{
    static char text[INET_ADDRSTRLEN + 8];
    const struct sockaddr_in *own = &cluster->clients[cluster->self - 1];
    char address[INET_ADDRSTRLEN];

    inet_ntop(AF_INET, &own->sin_addr, address, sizeof address);
    snprintf(text, sizeof text, "%s:%d", address, ntohs(own->sin_port));
    return text;
}

void node_say_ready(const struct cluster *cluster)
{
    printf("listening on %s\n", node_address(cluster));
    fflush(stdout);
}
