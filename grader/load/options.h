/* options.h - what the load generator is asked for: see load.c. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <getopt.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

struct options {
    long port, connections, size, depth, idle, pid;
    double seconds, warmup, stall;
};

static inline int usage(void)
{
    fprintf(stderr, "usage: load --port N [--connections C] [--size BYTES] [--depth D] [--idle I] "
                    "[--seconds S] [--warmup S] [--stall S] [--pid SERVER]\n");
    return 2;
}

static inline bool parse_long(const char *text, long least, long most, long *value)
{
    char *end;

    *value = strtol(text, &end, 10);
    return *text != '\0' && *end == '\0' && *value >= least && *value <= most;
}

static inline bool parse_seconds(const char *text, double *value)
{
    char *end;

    *value = strtod(text, &end);
    return *text != '\0' && *end == '\0' && *value >= 0 && *value <= 3600;
}

static inline bool parse_option(int c, struct options *options)
{
    switch (c) {
    case 'p': return parse_long(optarg, 1, 65535, &options->port);
    case 'c': return parse_long(optarg, 1, 1000000, &options->connections);
    case 'b': return parse_long(optarg, 1, 1 << 20, &options->size);
    case 'd': return parse_long(optarg, 1, 4096, &options->depth);
    case 'P': return parse_long(optarg, 1, INT_MAX, &options->pid);
    case 'i': return parse_long(optarg, 0, 1000000, &options->idle);
    case 's': return parse_seconds(optarg, &options->seconds);
    case 'w': return parse_seconds(optarg, &options->warmup);
    case 't': return parse_seconds(optarg, &options->stall);
    default: return false;
    }
}

static inline bool parse_options(int argc, char **argv, struct options *options)
{
    static const struct option known[] = {
        {"port", required_argument, NULL, 'p'},    {"connections", required_argument, NULL, 'c'},
        {"size", required_argument, NULL, 'b'},    {"depth", required_argument, NULL, 'd'},
        {"idle", required_argument, NULL, 'i'},    {"pid", required_argument, NULL, 'P'},
        {"seconds", required_argument, NULL, 's'}, {"warmup", required_argument, NULL, 'w'},
        {"stall", required_argument, NULL, 't'},   {0},
    };
    int c;

    while ((c = getopt_long(argc, argv, "", known, NULL)) != -1)
        if (!parse_option(c, options))
            return false;
    return options->port > 0 && optind == argc;
}

#endif
