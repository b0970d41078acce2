/* clock.h - time that passes; and the time that a thread or a process had a processor: what others
 * run meanwhile is not in it. */
#ifndef CLOCK_H
#define CLOCK_H

#include <stdint.h>
#include <sys/types.h>
#include <time.h>

enum { NS_PER_S = 1000000000 };

static inline int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

/* Of this thread. */
static inline double cpu_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* CPU time of a process so far; 0 for none. */
static inline double cpu_seconds(long pid)
{
    struct timespec used = {0};
    clockid_t clock;

    if (pid != 0 && clock_getcpuclockid((pid_t)pid, &clock) == 0)
        clock_gettime(clock, &used);
    return (double)used.tv_sec + (double)used.tv_nsec / NS_PER_S;
}

#endif
