/* loop_poll.c - the loop over poll(2).
 *
 * The question is an array with an entry for each descriptor, of any number; the kernel writes its
 * answer beside it (revents), so nothing is copied, but both sides still walk over all entries.
 * places finds the entry of a descriptor; an entry that goes is replaced by the last one. */
#include "backend.h"
#include "loop.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

struct poll_backend {
    struct backend base;
    struct pollfd *entries;
    nfds_t count, capacity;
    nfds_t next;    /* where the scan goes on when more are ready than are told at once */
    nfds_t *places; /* by descriptor: its entry's index and one more; 0: none */
    int descriptors;
};

static bool reserve_place(struct poll_backend *b, int fd)
{
    if (fd < b->descriptors)
        return true;
    int descriptors = fd < 32 ? 64 : 2 * fd;
    nfds_t *places = realloc(b->places, (size_t)descriptors * sizeof *places);
    if (places == NULL)
        return false;
    for (int i = b->descriptors; i < descriptors; i++)
        places[i] = 0;
    b->places = places;
    b->descriptors = descriptors;
    return true;
}

static bool reserve_entry(struct poll_backend *b)
{
    if (b->count < b->capacity)
        return true;
    nfds_t capacity = b->capacity == 0 ? 64 : 2 * b->capacity;
    struct pollfd *entries = realloc(b->entries, capacity * sizeof *entries);
    if (entries == NULL)
        return false;
    b->entries = entries;
    b->capacity = capacity;
    return true;
}

static void drop_entry(struct poll_backend *b, int fd)
{
    nfds_t place = b->places[fd];

    b->count--;
    b->entries[place - 1] = b->entries[b->count];
    b->places[b->entries[place - 1].fd] = place;
    b->places[fd] = 0;
}

static short flags(unsigned events)
{
    return (short)(((events & LOOP_READ) != 0 ? POLLIN : 0) |
                   ((events & LOOP_WRITE) != 0 ? POLLOUT : 0));
}

static int watch(struct backend *backend, int fd, unsigned before, unsigned after)
{
    struct poll_backend *b = (struct poll_backend *)backend;

    if (before != 0 && after == 0) {
        drop_entry(b, fd);
        return 0;
    }
    if (after == 0)
        return 0;
    if (!reserve_place(b, fd) || !reserve_entry(b))
        return -1;
    if (b->places[fd] == 0) {
        b->entries[b->count] = (struct pollfd){.fd = fd};
        b->places[fd] = ++b->count;
    }
    b->entries[b->places[fd] - 1].events = flags(after);
    return 0;
}

static struct ready ready_of(const struct pollfd *entry)
{
    int broken = entry->revents & (POLLERR | POLLHUP | POLLNVAL);
    struct ready ready = {.fd = entry->fd};

    if ((entry->revents & POLLIN) != 0 || broken != 0)
        ready.events |= LOOP_READ;
    if ((entry->revents & POLLOUT) != 0 || broken != 0)
        ready.events |= LOOP_WRITE;
    return ready;
}

static int wait_ready(struct backend *backend, int timeout_ms, struct ready *ready)
{
    struct poll_backend *b = (struct poll_backend *)backend;
    int left = poll(b->entries, b->count, timeout_ms), told = 0;

    if (left < 0)
        return -1;
    for (nfds_t seen = 0; seen < b->count && left > 0 && told < MOST_READY; seen++) {
        const struct pollfd *entry = &b->entries[b->next++ % b->count];
        if (entry->revents != 0) {
            ready[told++] = ready_of(entry);
            left--;
        }
    }
    return told;
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

    if (b != NULL)
        b->base = (struct backend){.watch = watch, .wait = wait_ready, .free = free_backend};
    return b == NULL ? NULL : &b->base;
}
