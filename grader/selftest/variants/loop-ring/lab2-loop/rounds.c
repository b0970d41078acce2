/* rounds.c - the loop over pselect(2), which counts its timeout in nanoseconds. */
#include "inside.h"

#include <errno.h>
#include <sys/select.h>
#include <time.h>

static int arm(struct loop *loop, struct slot *slot)
{
    (void)loop;
    if (slot->fd < FD_SETSIZE)
        return 0;
    errno = ERANGE;
    return -1;
}

static int wait_for_events(struct loop *loop)
{
    int64_t due = next_due_ns(loop), left = due - now_ns();
    struct timespec timeout = {0};
    fd_set in, out;
    int limit = 0, count = 0;

    if (left > 0)
        timeout = (struct timespec){left / 1000000000, left % 1000000000};
    FD_ZERO(&in);
    FD_ZERO(&out);
    for (int fd = 0; fd < loop->capacity; fd++) {
        const struct slot *slot = loop->slots[fd];
        if (slot == NULL || !slot->used || slot->wanted == 0)
            continue;
        if (slot->wanted & LOOP_READ)
            FD_SET(fd, &in);
        if (slot->wanted & LOOP_WRITE)
            FD_SET(fd, &out);
        limit = fd + 1;
    }
    if (pselect(limit, &in, &out, NULL, due == INT64_MAX ? NULL : &timeout, NULL) < 0)
        return -1;
    for (int fd = limit - 1; fd >= 0; fd--) {
        unsigned told =
            (FD_ISSET(fd, &in) ? LOOP_READ : 0U) | (FD_ISSET(fd, &out) ? LOOP_WRITE : 0U);
        if (told == 0)
            continue;
        loop->slots[fd]->told = told;
        loop->reports[count++] = loop->slots[fd];
    }
    return count;
}

int use_select(struct loop *loop)
{
    loop->arm = arm;
    loop->wait = wait_for_events;
    return 0;
}
