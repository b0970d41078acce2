/* Takes memory without end, and uses it. */
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

int main(void)
{
    prctl(PR_SET_NAME, "TOKEN");
    for (;;) {
        char *block = malloc(1 << 24);
        if (block != NULL)
            memset(block, 1, 1 << 24);
    }
}
