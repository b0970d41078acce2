/* Leaves memory that is shared, and grows, to a child, and ends. */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

int main(void)
{
    prctl(PR_SET_NAME, "TOKEN");
    if (fork() != 0) {
        for (;;)
            pause();
    }
    for (;;) {
        void *block =
            mmap(NULL, 1 << 24, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (block != MAP_FAILED)
            memset(block, 1, 1 << 24);
    }
}
