/* map.h - what is asked of each descriptor: a hash map with chains. */
#ifndef MAP_H
#define MAP_H

#include "loop.h"

struct entry {
    struct entry *next;
    int fd;
    unsigned wanted;
    uint64_t serial; /* no two that were ever added have the same */
    void (*on_event)(void *context, unsigned events);
    void *context;
};

/* All zero: empty. */
struct map {
    struct entry **chains;
    size_t chain_count, count; /* chain_count: 0 or a power of two */
};

/* NULL with ENOENT. */
struct entry *map_find(const struct map *map, int fd);

/* A new entry for fd, which has none: all else is zero.  NULL: ENOMEM. */
struct entry *map_add(struct map *map, int fd);

void map_remove(struct map *map, int fd);
void map_free(struct map *map);

#endif
