/* replication_bench.c - committed entries, a second of CPU time.
 *
 *     replication_bench ENTRIES BATCH SIZE
 *
 * So many entries of SIZE bytes are committed, BATCH at a time.  Prints entries a second; and where
 * the cluster can start a server again, entries a second that it loads and applies then, and the
 * bytes of memory that one server needs for an entry, its data among them. */
#include "replication_bench.h"

#include "clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

bool complain(const char *words)
{
    fprintf(stderr, "%s\n", words);
    return false;
}

/* What the process has of the machine's memory, in bytes: proc(5), statm. */
static double resident(void)
{
    double pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");

    if (file == NULL)
        return 0;
    if (fscanf(file, "%*s %lf", &pages) != 1)
        pages = 0;
    fclose(file);
    return pages * (double)sysconf(_SC_PAGESIZE);
}

static bool measure(long entries, int batch, size_t size)
{
    if (!cluster.begin())
        return false;
    double before = resident(), began = cpu_ns();
    for (long first = 0; first < entries; first += batch) {
        long left = entries - first;
        if (!cluster.commit((uint64_t)first, left < batch ? (int)left : batch, size))
            return false;
    }
    double took = cpu_ns() - began, memory = resident() - before;
    printf("%.3f", (double)entries * 1e9 / took);
    if (cluster.restart != NULL) {
        began = cpu_ns();
        if (!cluster.restart((uint64_t)entries, size))
            return false;
        took = cpu_ns() - began;
        printf(" %.3f %.3f", (double)entries * 1e9 / took, memory / SERVERS / (double)entries);
    }
    printf("\n");
    return true;
}

int main(int argc, char **argv)
{
    long entries = argc == 4 ? strtol(argv[1], NULL, 10) : 0;
    long batch = argc == 4 ? strtol(argv[2], NULL, 10) : 0;
    long size = argc == 4 ? strtol(argv[3], NULL, 10) : 0;

    if (entries < 1 || batch < 1 || batch > MOST_BATCH || size < LEAST_SIZE || size > MOST_SIZE) {
        complain("usage: replication_bench ENTRIES BATCH SIZE");
        return EXIT_FAILURE;
    }
    return measure(entries, (int)batch, (size_t)size) ? EXIT_SUCCESS : EXIT_FAILURE;
}
