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

/* Waits until there is a job; NULL: the pool stops.  The wait is a loop since pthread_cond_wait(3)
 * may return without a signal, and since another worker may have been faster. */
static struct pool_job *next_job(struct pool *pool)
{
    struct pool_job *job = NULL;

    pthread_mutex_lock(&pool->lock);
    while (!pool->stopping && (job = take(&pool->waiting)) == NULL)
        pthread_cond_wait(&pool->changed, &pool->lock);
    pthread_mutex_unlock(&pool->lock);
    return job;
}

/* A wake-up that is still on its way serves all that end before it arrives: it is asked for before
 * the loop's thread can take the first of them, and so before it can find the queue empty. */
static void give_back(struct pool *pool, struct pool_job *job)
{
    pthread_mutex_lock(&pool->lock);
    bool first = pool->ended.first == NULL;
    put(&pool->ended, job);
    if (first)
        loop_wake(pool->loop);
    pthread_mutex_unlock(&pool->lock);
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

/* A thread begins with the signal mask of the one that creates it.  0, or -1 with errno. */
static int start_workers(struct pool *pool, int threads)
{
    sigset_t all, before;
    int error = 0;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (error == 0 && pool->threads < threads) {
        error = pthread_create(&pool->workers[pool->threads], NULL, run, pool);
        if (error == 0)
            pool->threads++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = error;
    return error == 0 ? 0 : -1;
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

int pool_submit(struct pool *pool, struct pool_job *job)
{
    if (pool->stopping || pool->jobs == pool->most_jobs) {
        errno = pool->stopping ? ECANCELED : EAGAIN;
        return -1;
    }
    pool->jobs++;
    job->dropped = false;
    pthread_mutex_lock(&pool->lock);
    put(&pool->waiting, job);
    pthread_cond_signal(&pool->changed);
    pthread_mutex_unlock(&pool->lock);
    return 0;
}

/* The job may be gone when done returns. */
static void finish(struct pool *pool, struct pool_job *job)
{
    pool->jobs--;
    job->done(job);
}

/* Takes the whole queue at once: done is called without the lock, and jobs that end meanwhile ask
 * for a wake-up of their own. */
void pool_deliver(struct pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    struct queue ended = pool->ended;
    pool->ended = (struct queue){0};
    pthread_mutex_unlock(&pool->lock);

    for (struct pool_job *job = take(&ended); job != NULL; job = take(&ended))
        finish(pool, job);
}

static void stop_workers(struct pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    pool->stopping = true;
    pthread_cond_broadcast(&pool->changed);
    pthread_mutex_unlock(&pool->lock);
    for (int i = 0; i < pool->threads; i++)
        pthread_join(pool->workers[i], NULL);
}

void pool_free(struct pool *pool)
{
    if (pool == NULL)
        return;
    stop_workers(pool);
    pool_deliver(pool);
    for (struct pool_job *job = take(&pool->waiting); job != NULL; job = take(&pool->waiting)) {
        job->dropped = true;
        finish(pool, job);
    }
    pthread_cond_destroy(&pool->changed);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}
