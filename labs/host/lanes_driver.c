/* lanes_driver.c - takes orders for the pool of lanes.h on standard input, a line each, and says
 * what happened on standard output.
 *
 *     job N L      submits job N in lane L.  When its work begins: "work N"; when it is given back:
 *                  "done N", or "dropped N".  Or at once "full N", or "ending N"
 *     held N L     the same, and the work waits for "release N"
 *     nap N L      the same, and the work sleeps for 200 ms
 *     chain N L    the same as "job", and its done submits job N + 1 in that lane
 *     flood N      N jobs, in all lanes; nothing is said of them but "flooded N", in the end
 *     drop L       drops the jobs of lane L, then "left L"
 *     leave L      the same, and frees it once it has no job; another one takes its number
 *     busy         from now on the loop's thread calls back for no wake-up,
 *     awake        and now for all of them
 *     jobs L       "jobs K": lane L has so many in the pool's hands
 *     say N        "say N"
 *     quit         frees pool and loop: "freed K", with K jobs that were never given back; so does
 *                  the end of input
 *
 * It starts as "lanes_driver WORKERS MOST_JOBS".  It ends with status 1, and a line on standard
 * error, when work or done come in the wrong thread, two jobs of a lane at a time, or in another
 * order; and it reads and writes what is a lane's without a lock, so that ThreadSanitizer sees
 * whether there is one in the pool.  By hand:
 *
 *     make run5 PROGRAM=lanes_driver ARGS="2 4" */
#include "lanes.h"
#include "net.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { JOBS = 1 << 15, LANES = 64, LINE_SIZE = 64, NAP_NS = 200000000, FLOOD = 8 };

enum kind { PLAIN, HELD, NAP, CHAIN, WAVE };

struct tracked_job {
    struct lane_job job;
    struct tracked_lane *lane;
    enum kind kind;
    int number, turn; /* the turn-th that was submitted in its lane */
    bool has_worked;
};

struct tracked_lane {
    struct lane lane;
    int submitted;
    bool is_left;
    int turn; /* of its last job at work, whichever worker had it: no lock */
    bool is_at_work;
};

static struct loop *loop;
static struct lanes *lanes;
static pthread_t loop_thread;
static struct tracked_lane *all[LANES]; /* NULL: not there yet, or not any more */
static int gates[JOBS];                 /* of held jobs: eventfd(2) */
static int given, given_back;
static int waves_due, waves_given, waves_back; /* of a flood */
static bool is_busy;

static void say(const char *what, long number)
{
    printf("%s %ld\n", what, number);
    fflush(stdout);
}

static _Noreturn void die(const char *what)
{
    perror(what);
    exit(EXIT_FAILURE);
}

static _Noreturn void blame(const char *what, int number)
{
    fprintf(stderr, "job %d: %s\n", number, what);
    _exit(EXIT_FAILURE);
}

/* --- a job --- */

static void check(const struct tracked_job *tracked)
{
    if (pthread_equal(pthread_self(), loop_thread))
        blame("work in the loop's thread", tracked->number);
    if (tracked->has_worked)
        blame("work a second time", tracked->number);
    if (tracked->lane->is_at_work)
        blame("work while another job of its lane is at work", tracked->number);
    if (tracked->turn < tracked->lane->turn)
        blame("work after a job of its lane that was submitted later", tracked->number);
}

static void work(struct lane_job *job)
{
    struct tracked_job *tracked = (struct tracked_job *)job;
    struct timespec nap = {0, NAP_NS};
    eventfd_t count;

    check(tracked);
    tracked->lane->is_at_work = true;
    tracked->lane->turn = tracked->turn;
    if (tracked->kind != WAVE)
        say("work", tracked->number);
    if (tracked->kind == HELD && eventfd_read(gates[tracked->number], &count) < 0)
        die("eventfd_read");
    if (tracked->kind == NAP)
        nanosleep(&nap, NULL);
    tracked->has_worked = true;
    tracked->lane->is_at_work = false;
}

static void done(struct lane_job *job);

static void submit(int number, struct tracked_lane *lane, enum kind kind)
{
    struct tracked_job *tracked = calloc(1, sizeof *tracked);

    if (tracked == NULL || (kind == HELD && (gates[number] = eventfd(0, EFD_CLOEXEC)) < 0))
        die("job");
    *tracked =
        (struct tracked_job){.job = {.work = work, .done = done}, .lane = lane, .kind = kind};
    tracked->number = number;
    tracked->turn = lane->submitted++;
    given++;
    if (lanes_submit(lanes, &lane->lane, &tracked->job) == 0)
        return;
    given--;
    if (errno != EAGAIN && errno != ECANCELED)
        die("lanes_submit");
    say(errno == EAGAIN ? "full" : "ending", number);
    free(tracked);
}

/* Each lane has so many jobs at a time, as long as there are more to come. */
static void go_on(struct tracked_lane *lane)
{
    if (waves_given < waves_due) {
        waves_given++;
        submit(0, lane, WAVE);
    } else if (waves_back == waves_due) {
        say("flooded", waves_due);
    }
}

static void free_if_left(struct tracked_lane *lane)
{
    if (lane->is_left && lane->lane.jobs == 0)
        free(lane);
}

static void done(struct lane_job *job)
{
    struct tracked_job *tracked = (struct tracked_job *)job;
    struct tracked_lane *lane = tracked->lane;

    if (!pthread_equal(pthread_self(), loop_thread))
        blame("done in a worker's thread", tracked->number);
    if (job->is_dropped == tracked->has_worked)
        blame("is_dropped is not what happened", tracked->number);
    given_back++;
    if (tracked->kind != WAVE)
        say(job->is_dropped ? "dropped" : "done", tracked->number);
    if (tracked->kind == HELD)
        close(gates[tracked->number]);
    if (tracked->kind == CHAIN)
        submit(tracked->number + 1, lane, PLAIN);
    if (tracked->kind == WAVE) {
        waves_back++;
        go_on(lane);
    }
    free(tracked);
    free_if_left(lane);
}

/* --- orders --- */

static void on_wake(void *context)
{
    (void)context;
    if (!is_busy)
        lanes_deliver(lanes);
}

static struct tracked_lane *lane_for(int number)
{
    if (all[number] == NULL)
        all[number] = calloc(1, sizeof *all[number]);
    if (all[number] == NULL)
        die("lane");
    return all[number];
}

static void flood(int count)
{
    waves_due = count;
    waves_given = waves_back = 0;
    for (int i = 0; i < LANES * FLOOD; i++)
        go_on(lane_for(i % LANES));
}

static bool obey_about_jobs(const char *order, int number, int of_lane)
{
    static const char *const kinds[] = {"job", "held", "nap", "chain"};

    for (int kind = PLAIN; kind <= CHAIN; kind++) {
        if (strcmp(order, kinds[kind]) == 0) {
            submit(number, lane_for(of_lane), (enum kind)kind);
            return true;
        }
    }
    if (strcmp(order, "release") == 0 && eventfd_write(gates[number], 1) < 0)
        die("eventfd_write");
    return strcmp(order, "release") == 0;
}

/* The lane may be gone with its last job. */
static void drop(int number, bool leaves)
{
    struct tracked_lane *lane = lane_for(number);

    if (leaves)
        all[number] = NULL;
    if (leaves && lane->lane.jobs == 0) {
        lanes_drop(lanes, &lane->lane);
        free(lane);
    } else {
        lane->is_left = leaves;
        lanes_drop(lanes, &lane->lane);
    }
    say("left", number);
}

static bool obey_about_lanes(const char *order, int number)
{
    if (strcmp(order, "flood") == 0)
        flood(number);
    else if (strcmp(order, "drop") == 0)
        drop(number % LANES, false);
    else if (strcmp(order, "leave") == 0)
        drop(number % LANES, true);
    else if (strcmp(order, "jobs") == 0)
        say("jobs", lane_for(number % LANES)->lane.jobs);
    else
        return false;
    return true;
}

static void obey(const char *line)
{
    char order[16] = "";
    int first = 0, second = 0;

    sscanf(line, "%15s %d %d", order, &first, &second);
    if (first < 0 || first >= JOBS - 1 || second < 0 || second >= LANES)
        blame("there is no such job or lane", first);
    if (obey_about_jobs(order, first, second) || obey_about_lanes(order, first))
        return;
    if (strcmp(order, "say") == 0)
        say("say", first);
    if (strcmp(order, "quit") == 0)
        loop_stop(loop);
    if (strcmp(order, "busy") == 0)
        is_busy = true;
    if (strcmp(order, "awake") == 0) {
        is_busy = false;
        lanes_deliver(lanes);
    }
}

/* The orders that have come, a line each; the start of one is kept for the next time. */
static void on_orders(void *context, unsigned events)
{
    static char line[LINE_SIZE];
    static size_t len;
    int waiting = 0;
    char byte;

    (void)context;
    (void)events;
    if (ioctl(STDIN_FILENO, FIONREAD, &waiting) < 0 || waiting == 0)
        loop_stop(loop); /* the end of input */
    while (waiting-- > 0 && read(STDIN_FILENO, &byte, 1) == 1) {
        if (byte != '\n' && len < sizeof line - 1) {
            line[len++] = byte;
            continue;
        }
        line[len] = '\0';
        len = 0;
        obey(line);
    }
}

int main(int argc, char **argv)
{
    int workers, most_jobs;

    /* A number is a number. */
    if (argc != 3 || (workers = net_parse_port(argv[1])) < 1 ||
        (most_jobs = net_parse_port(argv[2])) < 1) {
        fputs("usage: lanes_driver WORKERS MOST_JOBS\n", stderr);
        return 2;
    }
    loop = loop_new("epoll");
    if (loop == NULL)
        die("loop_new");
    loop_thread = pthread_self();
    loop_on_wake(loop, on_wake, NULL);
    lanes = lanes_new(loop, workers, most_jobs);
    if (lanes == NULL)
        die("lanes_new");
    if (loop_add(loop, STDIN_FILENO, LOOP_READ, on_orders, NULL) < 0)
        die("loop_add");
    say("ready", 0);
    if (loop_run(loop) < 0)
        die("loop_run");
    lanes_free(lanes);
    say("freed", given - given_back);
    for (int i = 0; i < LANES; i++)
        free(all[i]);
    loop_free(loop);
    return EXIT_SUCCESS;
}
