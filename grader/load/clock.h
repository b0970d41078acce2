/* clock.h - the time that a thread had a processor: what others run meanwhile is not in it. */
#ifndef CLOCK_H
#define CLOCK_H

#include <time.h>

static inline double cpu_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

#endif
