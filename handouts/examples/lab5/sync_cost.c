/* sync_cost.c - what it costs to keep a promise: writes of 28 bytes, with and without a flush. */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { TIMES = 500, SIZE = 28 };

static double now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

/* [sync] */
/* Microseconds for each write, with a flush after so many of them; 0: with none. */
static double measure(int fd, int writes_a_flush)
{
    const char bytes[SIZE] = {0};
    double start = now_us();

    for (int i = 1; i <= TIMES; i++) {
        if (write(fd, bytes, sizeof bytes) != SIZE)
            err(EXIT_FAILURE, "write");
        if (writes_a_flush > 0 && i % writes_a_flush == 0 && fdatasync(fd) < 0)
            err(EXIT_FAILURE, "fdatasync");
    }
    return (now_us() - start) / TIMES;
}
/* [sync-end] */

int main(int argc, char **argv)
{
    char name[] = "sync_cost.XXXXXX";

    if (argc == 2 && chdir(argv[1]) < 0)
        err(EXIT_FAILURE, "%s", argv[1]);
    int fd = mkstemp(name);
    if (fd < 0)
        err(EXIT_FAILURE, "%s", name);
    unlink(name);
    printf("write alone                      %8.1f us\n", measure(fd, 0));
    printf("write, and fdatasync after each  %8.1f us\n", measure(fd, 1));
    printf("write, and one for ten           %8.1f us\n", measure(fd, 10));
    close(fd);
    return EXIT_SUCCESS;
}
