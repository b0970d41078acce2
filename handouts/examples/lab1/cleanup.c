/* cleanup.c - C's answer to destructors and lambdas: one exit with a label, and a function with
 * its context.
 *
 *     gcc -std=c11 -D_GNU_SOURCE -Wall -Wextra -o cleanup cleanup.c
 *     ./cleanup cleanup.c            it counts the bytes of a file */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { CHUNK_SIZE = 4096 };

/* [callback] */
/* What is done with each piece.  data is lent for the call only; ctx is what the
 * caller of each_piece gave. */
struct sink {
    void (*take)(void *ctx, const uint8_t *data, size_t len);
    void *ctx;
};

static void count(void *ctx, const uint8_t *data, size_t len)
{
    size_t *total = ctx;

    (void)data;
    *total += len;
}
/* [callback-end] */

/* [goto-out] */
/* Gives the file's bytes to sink, piece by piece.  Returns 0, or -1.  Whatever
 * happens, nothing stays open. */
static int each_piece(const char *path, struct sink sink)
{
    int result = -1;
    uint8_t *chunk = NULL;
    ssize_t n;

    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        goto out;
    chunk = malloc(CHUNK_SIZE);
    if (chunk == NULL)
        goto out;
    while ((n = read(fd, chunk, CHUNK_SIZE)) > 0)
        sink.take(sink.ctx, chunk, (size_t)n);
    if (n == 0)
        result = 0;
out:
    free(chunk); /* free(NULL) does nothing */
    if (fd >= 0)
        close(fd);
    return result;
}
/* [goto-out-end] */

int main(int argc, char **argv)
{
    size_t total = 0;

    if (argc != 2 || each_piece(argv[1], (struct sink){.take = count, .ctx = &total}) < 0) {
        fprintf(stderr, "usage: cleanup FILE\n");
        return 2;
    }
    printf("%zu bytes\n", total);
    return 0;
}
