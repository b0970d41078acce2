/* Kills its parent, and the parent's process group. */
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

int main(void)
{
    prctl(PR_SET_NAME, "TOKEN");
    if (fork() == 0) {
        setsid();
        for (;;)
            pause();
    }
    kill(-getpgid(getppid()), SIGKILL);
    kill(getppid(), SIGKILL);
    for (;;)
        pause();
}
