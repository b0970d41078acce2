/* Says that it listens, and does not. */
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

int main(void)
{
    prctl(PR_SET_NAME, "TOKEN");
    puts("listening on 127.0.0.1:9");
    fflush(stdout);
    for (;;)
        pause();
}
