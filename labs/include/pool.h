/* pool.h - a few threads for work that blocks, so that the thread of the loop never does.
 *
 * A job goes out to a worker and comes back through the loop's wake-up:
 *
 *     loop's thread      pool_submit                         on_wake, pool_deliver, done(job)
 *                                   \                       /
 *     a worker's thread              work(job) - loop_wake -
 *
 * Everything here is called in the loop's thread; work alone is called elsewhere.  The mutex within
 * the pool lies between: work sees what was written before pool_submit, and done what work wrote.
 * A function that returns an int gives 0, or -1 with errno set.  Nothing prints. */
#ifndef POOL_H
#define POOL_H

#include "loop.h"

struct pool;

/* The first member of a struct of the caller's, which says what the job is about.  From pool_submit
 * on it is the pool's, and stays in place, until done gives it back (and may free it). */
struct pool_job {
    /* In a worker's thread, while other jobs run in others.  May wait as long as it likes, and
     * touches nothing that another thread may change meanwhile: no connection, no loop. */
    void (*work)(struct pool_job *job);

    /* In the loop's thread, once for each job that was submitted, in the order in which jobs ended.
     * May call everything here but pool_deliver and pool_free. */
    void (*done)(struct pool_job *job);

    bool dropped;          /* for done: work was never called, since the pool was freed first */
    struct pool_job *next; /* the pool's own */
};

/* Starts so many workers.  At most most_jobs are in the pool's hands at a time: they wait, run, or
 * have ended and wait for pool_deliver.  (Those that ended count as well, since they hold memory
 * too.)  No signal is handled in a worker.  NULL with errno. */
struct pool *pool_new(struct loop *loop, int threads, int most_jobs);

/* Hands over a job whose work and done are set; jobs begin in the order in which they were
 * submitted.  Never waits.  EAGAIN: the bound is reached; there is room again when done was called.
 * ECANCELED: pool_free is at work.  After an error the job stays the caller's. */
int pool_submit(struct pool *pool, struct pool_job *job);

/* Calls done for the jobs that have ended.  The program's on_wake calls it (given to loop_on_wake
 * before the first pool_submit): so one wake-up serves the pool and whatever else it is for. */
void pool_deliver(struct pool *pool);

/* Waits for the jobs that run, drops those that still wait, calls done for each of these and of
 * those that had ended, and ends the threads.  The loop is freed later.  NULL is no pool. */
void pool_free(struct pool *pool);

#endif
