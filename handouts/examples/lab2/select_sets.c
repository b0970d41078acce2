/* select_sets.c - select(2) writes its answer over the question: sets before and after, and what is
 * left of the timeout.
 *
 *     gcc -std=c11 -D_GNU_SOURCE -Wall -Wextra -o select_sets select_sets.c
 *     ./select_sets */
#include <stdio.h>
#include <stdlib.h>
#include <sys/select.h>
#include <unistd.h>

enum { PIPES = 3 };

static void give_up(const char *call)
{
    perror(call);
    exit(EXIT_FAILURE);
}

static void print_set(const char *when, const fd_set *set, int limit, struct timeval timeout)
{
    printf("%-26s {", when);
    for (int fd = 0; fd < limit; fd++)
        if (FD_ISSET(fd, set))
            printf(" %d", fd);
    printf(" }  timeout %.1f s\n", (double)timeout.tv_sec + (double)timeout.tv_usec / 1e6);
}

/* [turns] */
/* Three turns with the same set and the same timeout, as if select left them alone. */
static void three_turns(fd_set *set, int limit, int busy)
{
    struct timeval timeout = {.tv_sec = 0, .tv_usec = 500000};
    char byte;

    for (int turn = 1; turn <= 3; turn++) {
        print_set("asks about", set, limit, timeout);
        int count = select(limit, set, NULL, NULL, &timeout);
        if (count < 0)
            give_up("select");
        printf("select returns %d\n", count);
        print_set("  the same variables now:", set, limit, timeout);
        if (count > 0 && read(busy, &byte, 1) < 0)
            give_up("read");
    }
}
/* [turns-end] */

int main(void)
{
    int pipes[PIPES][2];
    fd_set set;

    FD_ZERO(&set);
    for (int i = 0; i < PIPES; i++) {
        if (pipe(pipes[i]) < 0)
            give_up("pipe");
        FD_SET(pipes[i][0], &set);
    }
    if (write(pipes[1][1], "x", 1) < 0)
        give_up("write");
    three_turns(&set, pipes[PIPES - 1][0] + 1, pipes[1][0]);
    return 0;
}
