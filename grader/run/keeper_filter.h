/* keeper_filter.h - what a student's program may not ask the kernel for. */
#ifndef KEEPER_FILTER_H
#define KEEPER_FILTER_H

#include <stdbool.h>

/* From here on, for this process and all that it starts: seccomp(2).  PR_SET_NO_NEW_PRIVS must be
 * set.  False with errno. */
bool filter_calls(void);

#endif
