/* Attaches to the first process of its namespace, and would make it stay for ever. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <unistd.h>

int main(void)
{
    prctl(PR_SET_NAME, "TOKEN");
    if (ptrace(PTRACE_ATTACH, 1, NULL, NULL) == 0)
        fprintf(stderr, "could trace process 1\n");
    if (open("/proc/1/mem", O_RDWR) >= 0)
        fprintf(stderr, "could open /proc/1/mem\n");
    if (ptrace(PTRACE_ATTACH, getppid(), NULL, NULL) == 0)
        fprintf(stderr, "could trace its parent\n");
    return 3;
}
