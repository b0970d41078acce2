/* Leaves two daemons behind, and ends. */
#include <sys/prctl.h>
#include <unistd.h>

int main(void)
{
    prctl(PR_SET_NAME, "TOKEN");
    for (int n = 0; n < 2; n++)
        if (fork() == 0) {
            setsid();
            if (fork() != 0)
                _exit(0);
            for (;;)
                pause();
        }
    return 0;
}
