/* raft_node_options.c - the options of raft_node; raft_pools has two more, and kvraft has one. */
#include "raft_node.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST_MS = 3600 * 1000, MOST_WORKERS = 64, COMMON = 6 };

static const char USAGE[] =
    "usage: %s --config FILE [--data DIR] [--election-timeout MIN-MAX] [--heartbeat MS] "
    "[--no-fsync] [--resp2]%s\n";
static const char *const USAGE_OF[] = {
    [NODE_NOTHING] = "",
    [NODE_WORKERS] = " [--client-workers N] [--raft-workers N]",
    [NODE_READ_INDEX] = " [--read-index]",
};

/* Digits up to the byte end, which is NUL or '-'.  Returns what is behind it, or NULL. */
static const char *parse_number(const char *text, char end, long most, int32_t *result)
{
    char *rest;

    if (*text < '0' || *text > '9')
        return NULL;
    errno = 0;
    long number = strtol(text, &rest, 10);
    if (errno != 0 || *rest != end || number < 1 || number > most)
        return NULL;
    *result = (int32_t)number;
    return rest + 1;
}

static bool parse_election_timeout(const char *text, struct node_options *options)
{
    const char *max = parse_number(text, '-', LONGEST_MS, &options->election_min_ms);

    return max != NULL && parse_number(max, '\0', LONGEST_MS, &options->election_max_ms) != NULL &&
           options->election_min_ms <= options->election_max_ms;
}

static bool take_option(int option, struct node_options *options)
{
    switch (option) {
    case 'c': options->config = optarg; return true;
    case 'd': options->data = optarg; return true;
    case 'e': return parse_election_timeout(optarg, options);
    case 'h': return parse_number(optarg, '\0', LONGEST_MS, &options->heartbeat_ms) != NULL;
    case 'n': options->no_fsync = true; return true;
    case 'r': options->is_resp2 = true; return true;
    case 'i': options->is_read_index = true; return true;
    case 'C': return parse_number(optarg, '\0', MOST_WORKERS, &options->client_workers) != NULL;
    case 'R': return parse_number(optarg, '\0', MOST_WORKERS, &options->raft_workers) != NULL;
    default: return false;
    }
}

/* Up to COMMON, and those behind it that this node has. */
static void list_options(enum node_further further, struct option *known)
{
    static const struct option all[] = {
        {"config", required_argument, NULL, 'c'},
        {"data", required_argument, NULL, 'd'},
        {"election-timeout", required_argument, NULL, 'e'},
        {"heartbeat", required_argument, NULL, 'h'},
        {"no-fsync", no_argument, NULL, 'n'},
        {"resp2", no_argument, NULL, 'r'},
        [COMMON] = {"client-workers", required_argument, NULL, 'C'},
        {"raft-workers", required_argument, NULL, 'R'},
        {"read-index", no_argument, NULL, 'i'},
    };
    size_t count = COMMON;

    memcpy(known, all, COMMON * sizeof *all);
    if (further == NODE_WORKERS) {
        known[count++] = all[COMMON];
        known[count++] = all[COMMON + 1];
    } else if (further == NODE_READ_INDEX) {
        known[count++] = all[COMMON + 2];
    }
    known[count] = (struct option){0};
}

bool node_parse_options(int argc, char **argv, enum node_further further,
                        struct node_options *options)
{
    struct option known[COMMON + 3];
    bool right = true;
    int c;

    *options = (struct node_options){
        .election_min_ms = 150,
        .election_max_ms = 300,
        .heartbeat_ms = 50,
        .client_workers = 2,
        .raft_workers = 1,
    };
    list_options(further, known);
    while (right && (c = getopt_long(argc, argv, "", known, NULL)) != -1)
        right = take_option(c, options);
    if (right && options->config != NULL && optind == argc)
        return true;
    fprintf(stderr, USAGE, program_invocation_short_name, USAGE_OF[further]);
    return false;
}
