/* lanes.c - a pool that keeps a ring of the lanes that have jobs, and a hand
 * that goes round.
 *
 * A lane is in the ring from its first job until its last has ended, at work or
 * not; a worker goes on from the hand to the first lane that is not busy. Ended
 * jobs are a stack, which the loop's thread turns round.  Each worker sleeps on
 * the same condition, and all are woken each time. */
#include "lanes.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

struct lanes {
  struct loop *loop;
  int workers, most_jobs;
  atomic_bool is_ending;
  pthread_mutex_t ring_lock, ended_lock;
  pthread_cond_t more;
  struct lane *hand; /* the lane that had its turn last; its next is the next;
                        NULL: no lane */
  struct lane_job *ended;
  pthread_t *threads;
};

static void enter(struct lanes *lanes, struct lane *lane) {
  if (lanes->hand == NULL) {
    lane->next = lane;
  } else {
    lane->next = lanes->hand->next;
    lanes->hand->next = lane;
  }
  lanes->hand = lane; /* so it is behind all others */
}

static struct lane *before(struct lanes *lanes, const struct lane *lane) {
  struct lane *at = lanes->hand;

  if (at == NULL)
    return NULL;
  do {
    if (at->next == lane)
      return at;
    at = at->next;
  } while (at != lanes->hand);
  return NULL;
}

static void leave(struct lanes *lanes, struct lane *lane) {
  struct lane *previous = before(lanes, lane);

  if (previous == NULL)
    return;
  previous->next = lane->next;
  if (lanes->hand == lane)
    lanes->hand = previous == lane ? NULL : previous;
}

/* From the hand on, the first lane that nobody is busy with and that has a job.
 */
static struct lane_job *find(struct lanes *lanes) {
  struct lane *end = lanes->hand, *at = end;

  if (end == NULL)
    return NULL;
  do {
    at = at->next;
    if (!at->is_busy && at->first != NULL) {
      struct lane_job *job = at->first;
      at->first = job->next;
      at->is_busy = true;
      lanes->hand = at;
      return job;
    }
  } while (at != end);
  return NULL;
}

static void *worker(void *context) {
  struct lanes *lanes = context;

  pthread_mutex_lock(&lanes->ring_lock);
  while (!lanes->is_ending) {
    struct lane_job *job = find(lanes);
    if (job == NULL) {
      pthread_cond_wait(&lanes->more, &lanes->ring_lock);
      continue;
    }
    pthread_mutex_unlock(&lanes->ring_lock);
    struct lane *lane = job->lane;
    job->work(job);
    pthread_mutex_lock(&lanes->ring_lock);
    lane->is_busy = false;
    if (lane->first == NULL)
      leave(lanes, lane);
    else
      pthread_cond_broadcast(&lanes->more);
    pthread_mutex_lock(&lanes->ended_lock);
    job->next = lanes->ended;
    lanes->ended = job;
    pthread_mutex_unlock(&lanes->ended_lock);
    loop_wake(lanes->loop);
  }
  pthread_mutex_unlock(&lanes->ring_lock);
  return NULL;
}

struct lanes *lanes_new(struct loop *loop, int workers, int most_jobs) {
  struct lanes *lanes = calloc(1, sizeof *lanes);
  sigset_t all, old;

  if (lanes == NULL)
    return NULL;
  lanes->loop = loop;
  lanes->most_jobs = most_jobs;
  pthread_mutex_init(&lanes->ring_lock, NULL);
  pthread_mutex_init(&lanes->ended_lock, NULL);
  pthread_cond_init(&lanes->more, NULL);
  lanes->threads = calloc((size_t)workers, sizeof(pthread_t));
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &old);
  while (lanes->threads != NULL && lanes->workers < workers) {
    errno =
        pthread_create(&lanes->threads[lanes->workers], NULL, worker, lanes);
    if (errno != 0)
      break;
    lanes->workers++;
  }
  pthread_sigmask(SIG_SETMASK, &old, NULL);
  if (lanes->workers < workers) {
    int error = errno;
    lanes_free(lanes);
    errno = error;
    return NULL;
  }
  return lanes;
}

int lanes_submit(struct lanes *lanes, struct lane *lane, struct lane_job *job) {
  if (lanes->is_ending) {
    errno = ECANCELED;
    return -1;
  }
  if (lane->jobs >= lanes->most_jobs) {
    errno = EAGAIN;
    return -1;
  }
  lane->jobs++;
  job->lane = lane;
  job->next = NULL;
  pthread_mutex_lock(&lanes->ring_lock);
  if (lane->first == NULL && !lane->is_busy)
    enter(lanes, lane);
  struct lane_job **end = &lane->first;
  while (*end != NULL)
    end = &(*end)->next;
  *end = job;
  pthread_cond_broadcast(&lanes->more);
  pthread_mutex_unlock(&lanes->ring_lock);
  return 0;
}

static void give(struct lane_job *job, bool is_dropped) {
  job->is_dropped = is_dropped;
  job->lane->jobs--;
  job->done(job);
}

void lanes_drop(struct lanes *lanes, struct lane *lane) {
  struct lane_job *waiting, *job;

  pthread_mutex_lock(&lanes->ring_lock);
  waiting = lane->first;
  lane->first = NULL;
  if (!lane->is_busy)
    leave(lanes, lane);
  pthread_mutex_unlock(&lanes->ring_lock);
  while ((job = waiting) != NULL) {
    waiting = job->next;
    give(job, true);
  }
}

void lanes_deliver(struct lanes *lanes) {
  struct lane_job *stack, *queue = NULL, *job;

  pthread_mutex_lock(&lanes->ended_lock);
  stack = lanes->ended;
  lanes->ended = NULL;
  pthread_mutex_unlock(&lanes->ended_lock);
  while ((job = stack) != NULL) {
    stack = job->next;
    job->next = queue;
    queue = job;
  }
  while ((job = queue) != NULL) {
    queue = job->next;
    give(job, false);
  }
}

void lanes_free(struct lanes *lanes) {
  if (lanes == NULL)
    return;
  pthread_mutex_lock(&lanes->ring_lock);
  lanes->is_ending = true;
  pthread_cond_broadcast(&lanes->more);
  pthread_mutex_unlock(&lanes->ring_lock);
  while (lanes->workers > 0)
    pthread_join(lanes->threads[--lanes->workers], NULL);
  lanes_deliver(lanes);
  while (lanes->hand != NULL)
    lanes_drop(lanes, lanes->hand);
  pthread_cond_destroy(&lanes->more);
  pthread_mutex_destroy(&lanes->ended_lock);
  pthread_mutex_destroy(&lanes->ring_lock);
  free(lanes->threads);
  free(lanes);
}
