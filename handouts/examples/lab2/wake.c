/* wake.c - a thread that sleeps in poll(2) is woken by another through an eventfd(2).
 *
 *     gcc -std=c11 -D_GNU_SOURCE -Wall -Wextra -pthread -o wake wake.c
 *     ./wake */
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

static void give_up(const char *call)
{
    perror(call);
    exit(EXIT_FAILURE);
}

/* [wake] */
static void *wake_three_times(void *context)
{
    const int *fd = context;
    uint64_t one = 1;

    for (int i = 0; i < 3; i++)
        if (write(*fd, &one, sizeof one) < 0) /* adds 1 to the counter */
            give_up("write");
    return NULL;
}
/* [wake-end] */

static int is_readable(int fd, int timeout_ms)
{
    struct pollfd entry = {.fd = fd, .events = POLLIN};

    return poll(&entry, 1, timeout_ms);
}

int main(void)
{
    pthread_t other;
    uint64_t count;
    int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

    if (fd < 0)
        give_up("eventfd");
    printf("before: %s\n", is_readable(fd, 0) == 1 ? "readable" : "not readable");
    if (pthread_create(&other, NULL, wake_three_times, &fd) != 0)
        give_up("pthread_create");
    is_readable(fd, -1); /* sleeps until the first write */
    pthread_join(other, NULL);
    printf("after:  %s\n", is_readable(fd, 0) == 1 ? "readable" : "not readable");

    /* [take] */
    if (read(fd, &count, sizeof count) < 0) /* gives the counter, and sets it to 0 */
        give_up("read");
    printf("one read answers %" PRIu64 " wakes\n", count);
    /* [take-end] */
    printf("now:    %s\n", is_readable(fd, 0) == 1 ? "readable" : "not readable");
    return 0;
}
