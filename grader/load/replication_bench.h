/* replication_bench.h - a cluster of three in one process, without disk or network, that commits
 * one batch of entries after another. */
#ifndef REPLICATION_BENCH_H
#define REPLICATION_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { SERVERS = 3, MOST_BATCH = 65536, LEAST_SIZE = 8, MOST_SIZE = 65536 };

/* Each function is false where something went wrong, which it has said by complain(). */
struct replicated_cluster {
    bool (*begin)(void); /* until there is a leader */
    /* Entries with these numbers, and of this size, until the leader has applied all of them. */
    bool (*commit)(uint64_t first, int count, size_t size);
    /* Where it can: a follower starts again with the saved entries, which are those with the
     * numbers from 0 on, until it has applied them again.  Else NULL. */
    bool (*restart)(uint64_t count, size_t size);
};

/* The cluster that this program is linked with. */
extern const struct replicated_cluster cluster;

bool complain(const char *words);

/* The data of an entry: its number, and nothing. */
static inline void fill_entry(uint8_t *data, uint64_t number)
{
    memcpy(data, &number, sizeof number);
}

static inline bool is_entry(const uint8_t *data, size_t len, uint64_t number)
{
    return len >= sizeof number && memcmp(data, &number, sizeof number) == 0;
}

#endif
