/* pool.c - the pool of pool.h: two queues of jobs, and one lock around both.
 *
 * submit -> waiting -> (a worker) -> ended -> deliver
 *
 * The lock is held for a few instructions at a time, and never while a job is at work or done: so
 * the loop's thread never waits for work. */
#include "pool.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

/* All NULL: empty. */
struct queue {
    struct pool_job *first, *last;
};

struct pool {
    struct loop *loop;
    pthread_mutex_t lock; /* guards what follows, up to stopping */
    pthread_cond_t changed;
    struct queue waiting, ended;
    bool stopping; /* written by the loop's thread alone, which so may read it without the lock */
    int most_jobs, jobs; /* the loop's thread's own */
    int threads;
    pthread_t workers[];
};

static void put(struct queue *queue, struct pool_job *job)
{
    job->next = NULL;
    if (queue->first == NULL)
        queue->first = job;
    else
        queue->last->next = job;
    queue->last = job;
}

/* NULL: it is empty. */
static struct pool_job *take(struct queue *queue)
{
    struct pool_job *job = queue->first;

    if (job != NULL)
        queue->first = job->next;
    return job;
}

/* Stage 2.20: waits until there is a job, and takes it; NULL: the pool stops.
 * pthread_mutex_lock(3), pthread_cond_wait(3), which may return though nobody signalled. */
static struct pool_job *next_job(struct pool *pool)
{
    (void)pool;
    (void)take;
    /* Your code here. */
    return NULL;
}

/* Stage 2.20: a job has ended; the loop's thread is to be told: loop_wake. */
static void give_back(struct pool *pool, struct pool_job *job)
{
    (void)pool;
    (void)job;
    (void)put;
    /* Your code here. */
}

static void *run(void *argument)
{
    struct pool *pool = argument;
    struct pool_job *job;

    while ((job = next_job(pool)) != NULL) {
        job->work(job);
        give_back(pool, job);
    }
    return NULL;
}

/* Stage 2.20: pthread_create(3), which returns its error instead of setting errno.  A thread begins
 * with the signal mask of the one that creates it: pthread_sigmask(3).  0, or -1 with errno. */
static int start_workers(struct pool *pool, int threads)
{
    (void)pool;
    (void)threads;
    (void)run;
    /* Your code here. */
    errno = ENOSYS;
    return -1;
}

struct pool *pool_new(struct loop *loop, int threads, int most_jobs)
{
    struct pool *pool = malloc(sizeof *pool + (size_t)threads * sizeof pool->workers[0]);

    if (pool == NULL)
        return NULL;
    *pool = (struct pool){
        .loop = loop,
        .lock = PTHREAD_MUTEX_INITIALIZER,
        .changed = PTHREAD_COND_INITIALIZER,
        .most_jobs = most_jobs,
    };
    if (start_workers(pool, threads) < 0) {
        int error = errno;
        pool_free(pool);
        errno = error;
        return NULL;
    }
    return pool;
}

/* Stage 2.20: who else reads or changes what this looks at? */
int pool_submit(struct pool *pool, struct pool_job *job)
{
    (void)pool;
    (void)job;
    /* Your code here. */
    errno = ENOSYS;
    return -1;
}

/* Stage 2.20: done may submit another job, and takes as long as it likes.  What is locked then? */
void pool_deliver(struct pool *pool)
{
    (void)pool;
    /* Your code here. */
}

/* Stage 2.20: pthread_cond_broadcast(3), pthread_join(3).  In the end every job that was submitted
 * has been given back. */
void pool_free(struct pool *pool)
{
    if (pool == NULL)
        return;
    /* Your code here. */
    free(pool);
}
