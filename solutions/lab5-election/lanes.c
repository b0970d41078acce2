/* lanes.c - the pool of lanes.h: one lock around a queue of lanes, and around the jobs in each.
 *
 *     submit -> the lane's jobs -> (a worker) -> ended -> deliver
 *
 * A lane is in one place at a time: in the queue, if it has a job and no worker; with a worker; or
 * it has nothing to do.  So no two workers ever have jobs of one lane, and each lane in the queue
 * has its turn before any that comes behind it.
 *
 * The lock is held for short, and never while a job is at work or done. */
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

static void take_lane_out(struct lanes *lanes, const struct lane *lane)
{
    struct lane **link = &lanes->first, *before = NULL;

    for (; *link != NULL && *link != lane; link = &(*link)->next)
        before = *link;
    if (*link == NULL)
        return;
    *link = lane->next;
    if (lanes->last == lane)
        lanes->last = before;
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

/* NULL: no lane has its turn. */
static struct lane_job *take_job(struct lanes *lanes)
{
    struct lane *lane = lanes->first;

    if (lane == NULL)
        return NULL;
    struct lane_job *job = lane->first;
    lanes->first = lane->next;
    lane->first = job->next;
    lane->is_busy = true;
    return job;
}

/* --- a worker --- */

/* Waits until there is a job; NULL: the pool stops. */
static struct lane_job *next_job(struct lanes *lanes)
{
    struct lane_job *job = NULL;

    pthread_mutex_lock(&lanes->lock);
    while (!lanes->stopping && (job = take_job(lanes)) == NULL)
        pthread_cond_wait(&lanes->changed, &lanes->lock);
    pthread_mutex_unlock(&lanes->lock);
    return job;
}

/* The lane goes behind all others.  Nobody is told of it: this worker looks for a job next.  Nor of
 * a job that ends behind another one: the wake-up for that one is still on its way. */
static void give_back(struct lanes *lanes, struct lane_job *job)
{
    struct lane *lane = job->lane;

    pthread_mutex_lock(&lanes->lock);
    lane->is_busy = false;
    if (lane->first != NULL)
        put_lane(lanes, lane);
    bool is_first = lanes->ended == NULL;
    job->next = NULL;
    *lanes->after_ended = job;
    lanes->after_ended = &job->next;
    pthread_mutex_unlock(&lanes->lock);
    if (is_first)
        loop_wake(lanes->loop);
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

/* A thread begins with the signal mask of the one that creates it.  0, or -1 with errno. */
static int start_workers(struct lanes *lanes, int workers)
{
    sigset_t all, before;
    int error = 0;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (error == 0 && lanes->workers < workers) {
        error = pthread_create(&lanes->threads[lanes->workers], NULL, run, lanes);
        if (error == 0)
            lanes->workers++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = error;
    return error == 0 ? 0 : -1;
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

int lanes_submit(struct lanes *lanes, struct lane *lane, struct lane_job *job)
{
    if (lanes->stopping || lane->jobs == lanes->most_jobs) {
        errno = lanes->stopping ? ECANCELED : EAGAIN;
        return -1;
    }
    lane->jobs++;
    job->lane = lane;
    pthread_mutex_lock(&lanes->lock);
    if (!lane->is_busy && lane->first == NULL) {
        put_lane(lanes, lane);
        pthread_cond_signal(&lanes->changed);
    }
    put_job(lane, job);
    pthread_mutex_unlock(&lanes->lock);
    return 0;
}

/* The jobs of a list are given back.  Each, and its lane, may be gone when its done returns. */
static void finish(struct lane_job *jobs, bool are_dropped)
{
    while (jobs != NULL) {
        struct lane_job *job = jobs;
        jobs = job->next;
        job->is_dropped = are_dropped;
        job->lane->jobs--;
        job->done(job);
    }
}

void lanes_drop(struct lanes *lanes, struct lane *lane)
{
    pthread_mutex_lock(&lanes->lock);
    struct lane_job *jobs = lane->first;
    take_lane_out(lanes, lane);
    lane->first = NULL;
    pthread_mutex_unlock(&lanes->lock);
    finish(jobs, true);
}

/* Takes all at once: done is called without the lock, and jobs that end meanwhile ask for a wake-up
 * of their own. */
void lanes_deliver(struct lanes *lanes)
{
    pthread_mutex_lock(&lanes->lock);
    struct lane_job *jobs = lanes->ended;
    lanes->ended = NULL;
    lanes->after_ended = &lanes->ended;
    pthread_mutex_unlock(&lanes->lock);
    finish(jobs, false);
}

static void stop_workers(struct lanes *lanes)
{
    pthread_mutex_lock(&lanes->lock);
    lanes->stopping = true;
    pthread_cond_broadcast(&lanes->changed);
    pthread_mutex_unlock(&lanes->lock);
    for (int i = 0; i < lanes->workers; i++)
        pthread_join(lanes->threads[i], NULL);
}

/* Without workers, each lane that has jobs is in the queue. */
void lanes_free(struct lanes *lanes)
{
    if (lanes == NULL)
        return;
    stop_workers(lanes);
    lanes_deliver(lanes);
    while (lanes->first != NULL)
        lanes_drop(lanes, lanes->first);
    pthread_cond_destroy(&lanes->changed);
    pthread_mutex_destroy(&lanes->lock);
    free(lanes);
}
