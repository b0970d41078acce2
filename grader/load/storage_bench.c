/* storage_bench.c - entries kept on the disk, a second.
 *
 *     storage_bench FOLDER ENTRIES BATCH SIZE
 *
 * So many entries of SIZE bytes are saved, with a sync after each BATCH; and then all are read, by
 * the next one that opens the folder.  Prints entries a second for both. */
#include "storage_bench.h"

#include "clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint8_t entry[MOST_SIZE]; /* its number, and nothing */

static bool complain(const char *words)
{
    fprintf(stderr, "%s\n", words);
    return false;
}

static bool save_all(long entries, long batch, size_t size)
{
    for (long number = 0; number < entries; number++) {
        memcpy(entry, &number, sizeof number);
        if (!kept_log.save(number, entry, size))
            return false;
        if (((number + 1) % batch == 0 || number + 1 == entries) && !kept_log.sync())
            return false;
    }
    return true;
}

static bool read_all(long entries, size_t entry_size)
{
    if (kept_log.count() != entries)
        return complain("there are not as many entries as were saved");
    for (long number = 0; number < entries; number++) {
        const uint8_t *data;
        size_t size;
        if (!kept_log.read(number, &data, &size))
            return false;
        if (size != entry_size || memcmp(data, &number, sizeof number) != 0)
            return complain("what was read is not what was saved");
    }
    return true;
}

static bool measure(const char *folder, long entries, long batch, size_t size)
{
    if (!kept_log.open(folder))
        return false;
    int64_t began = now_ns();
    if (!save_all(entries, batch, size))
        return false;
    double saved = (double)(now_ns() - began);
    kept_log.close();
    began = now_ns();
    if (!kept_log.open(folder) || !read_all(entries, size))
        return false;
    double read = (double)(now_ns() - began);
    kept_log.close();
    printf("%.3f %.3f\n", (double)entries * NS_PER_S / saved, (double)entries * NS_PER_S / read);
    return true;
}

int main(int argc, char **argv)
{
    long entries = argc == 5 ? strtol(argv[2], NULL, 10) : 0;
    long batch = argc == 5 ? strtol(argv[3], NULL, 10) : 0;
    long size = argc == 5 ? strtol(argv[4], NULL, 10) : 0;

    if (entries < 1 || batch < 1 || size < LEAST_SIZE || size > MOST_SIZE) {
        complain("usage: storage_bench FOLDER ENTRIES BATCH SIZE");
        return EXIT_FAILURE;
    }
    return measure(argv[1], entries, batch, (size_t)size) ? EXIT_SUCCESS : EXIT_FAILURE;
}
