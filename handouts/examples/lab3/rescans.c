/* rescans.c - a word of some size comes in pieces of 1 KiB.  How many bytes are looked at until its
 * end is found, if each piece makes the search begin again, and if it goes on?
 *
 *     gcc -std=c11 -D_GNU_SOURCE -O2 -Wall -Wextra -o rescans rescans.c
 *     ./rescans */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { KIB = 1 << 10, MIB = 1 << 20, PIECE = KIB };

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* [search] */
/* The bytes that are looked at until the '\n' at the end is found. */
static unsigned long long search(const char *data, size_t size, bool goes_on)
{
    unsigned long long looked_at = 0;
    size_t from = 0;

    for (size_t came = PIECE; came <= size; came += PIECE) {
        looked_at += came - from;
        if (memchr(data + from, '\n', came - from) != NULL)
            break;
        if (goes_on)
            from = came;
    }
    return looked_at;
}
/* [search-end] */

int main(void)
{
    printf("%10s  %25s  %25s\n", "size", "from the start each time", "going on");
    for (size_t size = MIB; size <= 16 * MIB; size *= 2) {
        char *data = malloc(size);
        if (data == NULL)
            return EXIT_FAILURE;
        memset(data, 'x', size);
        data[size - 1] = '\n';
        printf("%6zu MiB", size / MIB);
        for (int goes_on = 0; goes_on <= 1; goes_on++) {
            double start = now();
            unsigned long long looked_at = search(data, size, goes_on);
            printf("  %10llu MiB %8.3f s", looked_at / MIB, now() - start);
        }
        printf("\n");
        free(data);
    }
    return 0;
}
