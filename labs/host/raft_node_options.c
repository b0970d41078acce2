/* raft_node_options.c - the options of raft_node. */
#include "raft_node.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

enum { LONGEST_MS = 3600 * 1000 };

static const char USAGE[] =
    "usage: raft_node --config FILE [--data DIR] [--election-timeout MIN-MAX] [--heartbeat MS] "
    "[--no-fsync] [--resp2]\n";

/* Digits up to the byte end, which is NUL or '-'.  Returns what is behind it, or NULL. */
static const char *parse_ms(const char *text, char end, int32_t *ms)
{
    char *rest;

    if (*text < '0' || *text > '9')
        return NULL;
    errno = 0;
    long number = strtol(text, &rest, 10);
    if (errno != 0 || *rest != end || number < 1 || number > LONGEST_MS)
        return NULL;
    *ms = (int32_t)number;
    return rest + 1;
}

static bool parse_election_timeout(const char *text, struct node_options *options)
{
    const char *max = parse_ms(text, '-', &options->election_min_ms);

    return max != NULL && parse_ms(max, '\0', &options->election_max_ms) != NULL &&
           options->election_min_ms <= options->election_max_ms;
}

static bool take_option(int option, struct node_options *options)
{
    switch (option) {
    case 'c': options->config = optarg; return true;
    case 'd': options->data = optarg; return true;
    case 'e': return parse_election_timeout(optarg, options);
    case 'h': return parse_ms(optarg, '\0', &options->heartbeat_ms) != NULL;
    case 'n': options->no_fsync = true; return true;
    case 'r': options->is_resp2 = true; return true;
    default: return false;
    }
}

bool node_parse_options(int argc, char **argv, struct node_options *options)
{
    static const struct option known[] = {
        {"config", required_argument, NULL, 'c'},
        {"data", required_argument, NULL, 'd'},
        {"election-timeout", required_argument, NULL, 'e'},
        {"heartbeat", required_argument, NULL, 'h'},
        {"no-fsync", no_argument, NULL, 'n'},
        {"resp2", no_argument, NULL, 'r'},
        {0},
    };
    bool right = true;
    int c;

    *options =
        (struct node_options){.election_min_ms = 150, .election_max_ms = 300, .heartbeat_ms = 50};
    while (right && (c = getopt_long(argc, argv, "", known, NULL)) != -1)
        right = take_option(c, options);
    if (right && options->config != NULL && optind == argc)
        return true;
    fputs(USAGE, stderr);
    return false;
}
