/* loop_poll.c - the loop over poll(2).
 *
 * entries   what poll is asked, without gaps: the last entry moves to the place of one that goes
 * places    by descriptor: the place of its entry, from 1; 0: it has none */
#include "backend.h"
#include "loop.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

struct poll_backend {
    struct backend base;
    struct pollfd *entries;
    nfds_t count, capacity;
    nfds_t *places;
    size_t known; /* places that there are */
    nfds_t first; /* where the next scan begins */
};

static int reserve_entry(struct poll_backend *b)
{
    if (b->count < b->capacity)
        return 0;
    nfds_t capacity = b->capacity == 0 ? 64 : b->capacity * 2;
    struct pollfd *entries = realloc(b->entries, capacity * sizeof *entries);
    if (entries == NULL)
        return -1;
    b->entries = entries;
    b->capacity = capacity;
    return 0;
}

static int reserve_place(struct poll_backend *b, size_t fd)
{
    if (fd < b->known)
        return 0;
    size_t known = b->known == 0 ? 64 : b->known;
    while (known <= fd)
        known *= 2;
    nfds_t *places = realloc(b->places, known * sizeof *places);
    if (places == NULL)
        return -1;
    memset(places + b->known, 0, (known - b->known) * sizeof *places);
    b->places = places;
    b->known = known;
    return 0;
}

static void remove_entry(struct poll_backend *b, int fd)
{
    nfds_t place = b->places[fd];
    struct pollfd last = b->entries[--b->count];

    b->entries[place - 1] = last;
    b->places[last.fd] = place;
    b->places[fd] = 0;
}

static int watch(struct backend *backend, int fd, unsigned before, unsigned after)
{
    struct poll_backend *b = (struct poll_backend *)backend;

    if (before == 0 && after == 0)
        return 0;
    if (after == 0) {
        remove_entry(b, fd);
        return 0;
    }
    if (before == 0) {
        if (reserve_entry(b) < 0 || reserve_place(b, (size_t)fd) < 0)
            return -1;
        b->entries[b->count++].fd = fd;
        b->places[fd] = b->count;
    }
    b->entries[b->places[fd] - 1].events =
        (short)((after & LOOP_READ ? POLLIN : 0) | (after & LOOP_WRITE ? POLLOUT : 0));
    return 0;
}

static unsigned translate(short told)
{
    unsigned events = 0;

    if (told & (POLLIN | POLLERR | POLLHUP | POLLNVAL))
        events |= LOOP_READ;
    if (told & (POLLOUT | POLLERR | POLLHUP | POLLNVAL))
        events |= LOOP_WRITE;
    return events;
}

/* Where not all fit that are ready, the next scan begins with those that did not. */
static int wait_ready(struct backend *backend, int timeout_ms, struct ready *ready)
{
    struct poll_backend *b = (struct poll_backend *)backend;
    int left = poll(b->entries, b->count, timeout_ms), found = 0;
    nfds_t i = b->first < b->count ? b->first : 0;

    if (left < 0)
        return -1;
    for (; left > 0 && found < MOST_READY; i = (i + 1) % b->count) {
        const struct pollfd *entry = &b->entries[i];
        if (entry->revents == 0)
            continue;
        ready[found++] = (struct ready){.fd = entry->fd, .events = translate(entry->revents)};
        left--;
    }
    b->first = i;
    return found;
}

static void free_backend(struct backend *backend)
{
    struct poll_backend *b = (struct poll_backend *)backend;

    free(b->entries);
    free(b->places);
    free(b);
}

struct backend *backend_poll(void)
{
    struct poll_backend *b = calloc(1, sizeof *b);

    if (b == NULL)
        return NULL;
    b->base = (struct backend){.watch = watch, .wait = wait_ready, .free = free_backend};
    return &b->base;
}
