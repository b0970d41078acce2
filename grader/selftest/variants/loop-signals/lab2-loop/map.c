/* map.c - the map of map.h. */
#include "map.h"

#include <errno.h>
#include <stdlib.h>

/* Knuth's multiplicative hash: descriptors are dense, and this spreads them all the same. */
static struct entry **chain_of(const struct map *map, int fd)
{
    return &map->chains[((uint32_t)fd * (uint64_t)2654435769U) & (map->chain_count - 1)];
}

struct entry *map_find(const struct map *map, int fd)
{
    struct entry *entry = map->chain_count == 0 ? NULL : *chain_of(map, fd);

    while (entry != NULL && entry->fd != fd)
        entry = entry->next;
    if (entry == NULL)
        errno = ENOENT;
    return entry;
}

static void push(const struct map *map, struct entry *entry)
{
    struct entry **chain = chain_of(map, entry->fd);

    entry->next = *chain;
    *chain = entry;
}

static int grow(struct map *map)
{
    struct map larger = {.chain_count = map->chain_count == 0 ? 16 : map->chain_count * 2,
                         .count = map->count};

    larger.chains = calloc(larger.chain_count, sizeof(struct entry *));
    if (larger.chains == NULL)
        return -1;
    for (size_t i = 0; i < map->chain_count; i++)
        for (struct entry *entry = map->chains[i], *next; entry != NULL; entry = next) {
            next = entry->next;
            push(&larger, entry);
        }
    free(map->chains);
    *map = larger;
    return 0;
}

struct entry *map_add(struct map *map, int fd)
{
    if (map->count >= map->chain_count && grow(map) < 0)
        return NULL;
    struct entry *entry = calloc(1, sizeof *entry);
    if (entry == NULL)
        return NULL;
    entry->fd = fd;
    push(map, entry);
    map->count++;
    return entry;
}

void map_remove(struct map *map, int fd)
{
    struct entry **at = chain_of(map, fd), *entry;

    while ((*at)->fd != fd)
        at = &(*at)->next;
    entry = *at;
    *at = entry->next;
    map->count--;
    free(entry);
}

void map_free(struct map *map)
{
    for (size_t i = 0; i < map->chain_count; i++)
        for (struct entry *entry = map->chains[i], *next; entry != NULL; entry = next) {
            next = entry->next;
            free(entry);
        }
    free(map->chains);
}
