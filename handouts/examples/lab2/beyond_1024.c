/* beyond_1024.c - where select's 1024 comes from: the kernel reads a bitmap as long as its first
 * argument says; it is the C library's fd_set that has 1024 bits.
 *
 *     gcc -std=c11 -D_GNU_SOURCE -Wall -Wextra -o beyond_1024 beyond_1024.c
 *     ./beyond_1024 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <unistd.h>

enum { FD = 2000, WORD_BITS = 8 * sizeof(unsigned long), WORDS = FD / WORD_BITS + 1 };

static void give_up(const char *call)
{
    perror(call);
    exit(EXIT_FAILURE);
}

static void allow_descriptors(rlim_t most)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        give_up("getrlimit");
    if (limit.rlim_cur < most)
        limit.rlim_cur = most;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
        give_up("setrlimit");
}

int main(void)
{
    int ends[2];

    printf("an fd_set has %zu bytes, so %zu bits; FD_SETSIZE is %d\n", sizeof(fd_set),
           8 * sizeof(fd_set), FD_SETSIZE);
    allow_descriptors(FD + 1);
    if (pipe(ends) < 0 || dup2(ends[0], FD) < 0 || write(ends[1], "x", 1) < 0)
        give_up("pipe");

    /* [bitmap] */
    /* A bitmap of our own, long enough.  FD_SET(2000, &an_fd_set) would write behind the set. */
    unsigned long bitmap[WORDS] = {0};
    bitmap[FD / WORD_BITS] |= 1UL << FD % WORD_BITS;

    int count = select(FD + 1, (fd_set *)bitmap, NULL, NULL, NULL);
    /* [bitmap-end] */
    printf("select about descriptor %d returns %d\n", FD, count);
    return count == 1 ? EXIT_SUCCESS : EXIT_FAILURE;
}
