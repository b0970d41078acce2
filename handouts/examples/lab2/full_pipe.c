/* full_pipe.c - what a non-blocking write(2) takes: all, a part, nothing.
 *
 *     gcc -std=c11 -D_GNU_SOURCE -Wall -Wextra -o full_pipe full_pipe.c
 *     ./full_pipe */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK = 40000 };

static void give_up(const char *call)
{
    perror(call);
    exit(EXIT_FAILURE);
}

/* [nonblocking] */
/* Adds the flag to those that are there: F_SETFL sets all of them anew. */
static void set_nonblocking(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
        give_up("fcntl");
}
/* [nonblocking-end] */

int main(void)
{
    static char chunk[CHUNK];
    int ends[2];

    if (pipe(ends) < 0)
        give_up("pipe");
    set_nonblocking(ends[1]);
    for (int i = 0; i < 3; i++) {
        ssize_t n = write(ends[1], chunk, sizeof chunk);
        printf("write of %d: %zd %s\n", CHUNK, n, n < 0 ? strerrorname_np(errno) : "");
    }
    if (read(ends[0], chunk, 100) < 0)
        give_up("read");
    ssize_t n = write(ends[1], chunk, 1);
    printf("after a read of 100, write of 1: %zd %s\n", n, n < 0 ? strerrorname_np(errno) : "");
    return 0;
}
