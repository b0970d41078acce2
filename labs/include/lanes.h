/* lanes.h - a pool of threads that keeps order: the jobs of one lane are done one after another,
 * and those of different lanes at the same time.
 *
 *     loop's thread      lanes_submit                        on_wake, lanes_deliver, done(job)
 *                                    \                       /
 *     a worker's thread               work(job) - loop_wake -
 *
 * A lane is whatever needs its order kept, such as a connection.  What is its own needs no lock:
 * work sees what was written before lanes_submit, and what the lane's work before it wrote,
 * whichever worker that was; and done sees what work wrote.
 *
 * Everything here is called in the loop's thread; work alone is called elsewhere.  A function that
 * returns an int gives 0, or -1 with errno set.  Nothing prints. */
#ifndef LANES_H
#define LANES_H

#include "loop.h"

struct lanes;

/* The first member of a struct of the caller's, which says what the job is about.  From submit on
 * it is the pool's, and stays in place, until done gives it back (and may free it). */
struct lane_job {
    /* In a worker's thread, which may wait there.  Touches what is its lane's, or never changes. */
    void (*work)(struct lane_job *job);

    /* In the loop's thread, once for each job that was submitted.  May call everything here but
     * lanes_deliver and lanes_free. */
    void (*done)(struct lane_job *job);

    bool is_dropped; /* for done: work was never called */
    struct lane *lane;
    struct lane_job *next; /* the pool's own, as is the rest of this page */
};

/* The caller's, who keeps it in place while it has jobs.  All zero at first. */
struct lane {
    int jobs; /* in the pool's hands: they wait, are at work, or their done is due.  May be read */
    bool is_busy;
    struct lane_job *first, *last;
    struct lane *next;
};

/* Starts so many workers; so many jobs are done at a time.  At most most_jobs of each lane are in
 * the pool's hands.  No signal is handled in a worker.  NULL with errno. */
struct lanes *lanes_new(struct loop *loop, int workers, int most_jobs);

/* Hands over a job whose work and done are set.  Never waits.  A worker that is free takes one job
 * of the lane whose turn it is, and that lane is behind all others then: so a lane with many jobs
 * delays another one by one of them.  EAGAIN: most_jobs; there is room again when done was called.
 * ECANCELED: lanes_free is at work.  After an error the job stays the caller's. */
int lanes_submit(struct lanes *lanes, struct lane *lane, struct lane_job *job);

/* Drops the lane's jobs that wait, as for a connection that is gone: calls done for each.  One that
 * is at work goes on, and its done comes as ever; until then lane->jobs is not 0. */
void lanes_drop(struct lanes *lanes, struct lane *lane);

/* Calls done for the jobs that have ended, in the order in which they did.  The program's on_wake
 * calls it (given to loop_on_wake before the first lanes_submit), for each pool on that loop. */
void lanes_deliver(struct lanes *lanes);

/* Waits for the jobs that are at work, drops those that wait, calls done for each of these and of
 * those that had ended, and ends the threads.  The loop is freed later.  NULL is no pool. */
void lanes_free(struct lanes *lanes);

#endif
