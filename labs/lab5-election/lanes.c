/* lanes.c - the pool of lanes.h: one lock around a queue of lanes, and around the jobs in each.
 *
 *     submit -> the lane's jobs -> (a worker) -> ended -> deliver
 *
 * A lane is in one place at a time: in the queue, if it has a job and no worker; with a worker; or
 * it has nothing to do. */
#include "lanes.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

struct lanes {
    struct loop *loop;
    pthread_mutex_t lock; /* guards what follows, up to stopping, and all of a lane but its count */
    pthread_cond_t changed;
    struct lane *first, *last; /* the queue */
    struct lane_job *ended, **after_ended;
    bool stopping; /* written by the loop's thread alone, which so may read it without the lock */
    int most_jobs, workers;
    pthread_t threads[];
};

/* --- both queues: under the lock --- */

static void put_lane(struct lanes *lanes, struct lane *lane)
{
    lane->next = NULL;
    if (lanes->first == NULL)
        lanes->first = lane;
    else
        lanes->last->next = lane;
    lanes->last = lane;
}

/* Stage 5.20: for lanes_drop.  The lane may be in the queue, or not. */
static void take_lane_out(struct lanes *lanes, const struct lane *lane)
{
    (void)lanes;
    (void)lane;
    /* Your code here. */
}

static void put_job(struct lane *lane, struct lane_job *job)
{
    job->next = NULL;
    if (lane->first == NULL)
        lane->first = job;
    else
        lane->last->next = job;
    lane->last = job;
}

/* Stage 5.20: takes the lane whose turn it is, and its first job.  NULL: there is none. */
static struct lane_job *take_job(struct lanes *lanes)
{
    (void)lanes;
    /* Your code here. */
    return NULL;
}

/* --- a worker --- */

/* Stage 5.20: waits until there is a job, and takes it; NULL: the pool stops. */
static struct lane_job *next_job(struct lanes *lanes)
{
    (void)lanes;
    (void)take_job;
    /* Your code here. */
    return NULL;
}

/* Stage 5.20: a job has ended.  Where does its lane go, where the job, and who is told? */
static void give_back(struct lanes *lanes, struct lane_job *job)
{
    (void)lanes;
    (void)job;
    (void)put_lane;
    /* Your code here. */
}

static void *run(void *argument)
{
    struct lanes *lanes = argument;
    struct lane_job *job;

    while ((job = next_job(lanes)) != NULL) {
        job->work(job);
        give_back(lanes, job);
    }
    return NULL;
}

/* Stage 5.20: see lab 2's pool, if you have one.  0, or -1 with errno. */
static int start_workers(struct lanes *lanes, int workers)
{
    (void)lanes;
    (void)workers;
    (void)run;
    /* Your code here. */
    errno = ENOSYS;
    return -1;
}

/* --- the loop's thread --- */

struct lanes *lanes_new(struct loop *loop, int workers, int most_jobs)
{
    struct lanes *lanes = malloc(sizeof *lanes + (size_t)workers * sizeof lanes->threads[0]);

    if (lanes == NULL)
        return NULL;
    *lanes = (struct lanes){
        .loop = loop,
        .after_ended = &lanes->ended,
        .most_jobs = most_jobs,
    };
    pthread_mutex_init(&lanes->lock, NULL);
    pthread_cond_init(&lanes->changed, NULL);
    if (start_workers(lanes, workers) < 0) {
        int error = errno;
        lanes_free(lanes);
        errno = error;
        return NULL;
    }
    return lanes;
}

/* Stage 5.20: is the lane to be put into the queue?  That depends on where it is. */
int lanes_submit(struct lanes *lanes, struct lane *lane, struct lane_job *job)
{
    (void)lanes;
    (void)lane;
    (void)job;
    (void)put_job;
    /* Your code here. */
    errno = ENOSYS;
    return -1;
}

/* Stage 5.20: the jobs of a list are given back.  Which of them are still there after done? */
static void finish(struct lane_job *jobs, bool are_dropped)
{
    (void)jobs;
    (void)are_dropped;
    /* Your code here. */
}

/* Stage 5.20: what waits is dropped; what is at work is not. */
void lanes_drop(struct lanes *lanes, struct lane *lane)
{
    (void)lanes;
    (void)lane;
    (void)take_lane_out;
    (void)finish;
    /* Your code here. */
}

/* Stage 5.20: done may submit or drop, and takes as long as it likes.  What is locked then? */
void lanes_deliver(struct lanes *lanes)
{
    (void)lanes;
    /* Your code here. */
}

/* Stage 5.20: in the end every job that was submitted has been given back; no thread is left. */
void lanes_free(struct lanes *lanes)
{
    if (lanes == NULL)
        return;
    /* Your code here. */
    free(lanes);
}
