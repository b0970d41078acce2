/* election_bench.h - a cluster in virtual time whose leader stops, again and again. */
#ifndef ELECTION_BENCH_H
#define ELECTION_BENCH_H

#include <stdbool.h>

/* Of both clusters alike, in milliseconds. */
enum { ELECTION_MIN_MS = 150, ELECTION_MAX_MS = 300, HEARTBEAT_MS = 50, LATENCY_MS = 1 };
enum { MOST_SERVERS = 7, PATIENCE_MS = 100000 };

struct cluster_bench {
    bool (*begin)(int servers);
    /* Runs until all that run follow one leader; returns its number, from 1, or 0. */
    int (*elect)(void);
    void (*stop)(int server);
    void (*resume)(int server); /* it goes on where it was */
};

/* The cluster that this program is linked with. */
extern const struct cluster_bench cluster;

#endif
