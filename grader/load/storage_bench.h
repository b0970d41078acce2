/* storage_bench.h - a log on the disk, which entries are added to, and read from again. */
#ifndef STORAGE_BENCH_H
#define STORAGE_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LEAST_SIZE = 8, MOST_SIZE = 65536 };

/* Each is false, or -1, where something went wrong, which it has said on stderr.  It all goes on in
 * one folder, which is there. */
struct kept_log {
    bool (*open)(const char *folder);
    long (*count)(void); /* of the entries, as soon as it was opened */
    /* The one with this number, from 0, in their order; lent until the next call. */
    bool (*read)(long number, const uint8_t **data, size_t *size);
    bool (*save)(long number, const uint8_t *data, size_t size);
    bool (*sync)(void);
    void (*close)(void);
};

/* The one that this program is linked with. */
extern const struct kept_log kept_log;

#endif
