/* loop_driver.c - takes orders for a loop on standard input, a line each, and says what happened on
 * standard output.
 *
 *     timer N MS      sets timer N; when it is called: "timer N"
 *     clear N         clears it
 *     repeat N        timer N sets itself with 0 ms, for as long as it is not cleared
 *     work N MS       as "timer N MS", but its callback takes 5 ms
 *     fatal N M       timer N, due at once, clears timer M
 *     count N         "count K": timer N was called K times
 *     wake T C        T threads make C wakes each; "woken K" when the K-th was heard of
 *     rewake C        the next C callbacks for wakes make a wake each
 *     wakes C         the loop's own thread makes C wakes
 *     signal          from now on a SIGUSR1 is a wake
 *     stop            stops the loop, and runs it again: "stopped"
 *     stopwake        the same, with a wake between the two runs
 *     say N           "say N"
 *     quit            frees the loop, and exits with 0; so does the end of input
 *
 * Those about descriptors are listed in loop_driver_ends.c.  The orders themselves come through the
 * loop that is driven.  By hand:
 *
 *     make run2 PROGRAM=loop_driver ARGS=select */
#include "loop_driver.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { TIMERS = 128, TURNS_TO_WAIT = 4, LINE_SIZE = 64, WORK_NS = 5000000, NS_PER_S = 1000000000 };

struct loop *loop;

void say(const char *what, long number)
{
    printf("%s %ld\n", what, number);
    fflush(stdout);
}

void say_word(const char *word)
{
    puts(word);
    fflush(stdout);
}

_Noreturn void die(const char *what)
{
    perror(what);
    exit(EXIT_FAILURE);
}

/* --- timers --- */

struct named_timer {
    struct loop_timer timer;
    long number, calls;
    struct named_timer *victim;
    bool repeats, works;
};

static struct named_timer timers[TIMERS];

static void set(struct named_timer *named, long delay_ms)
{
    if (loop_set_timer(loop, &named->timer, delay_ms) < 0)
        die("loop_set_timer");
}

static int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

static void on_time(void *context)
{
    struct named_timer *named = context;

    named->calls++;
    for (int64_t end = now_ns() + WORK_NS; named->works && now_ns() < end;)
        continue;
    if (named->victim != NULL)
        loop_clear_timer(loop, &named->victim->timer);
    if (named->repeats)
        set(named, 0);
    else
        say("timer", named->number);
}

/* A new use of the timer; its place in the loop stays. */
static struct named_timer *timer_for(long number)
{
    struct named_timer *named = &timers[number % TIMERS];
    struct loop_timer timer = named->timer;

    *named = (struct named_timer){.timer = timer, .number = number};
    named->timer.on_time = on_time;
    named->timer.context = named;
    return named;
}

static bool obey_about_timers(const char *order, long first, long second)
{
    if (strcmp(order, "timer") == 0) {
        set(timer_for(first), second);
    } else if (strcmp(order, "repeat") == 0) {
        timer_for(first)->repeats = true;
        set(&timers[first % TIMERS], 0);
    } else if (strcmp(order, "work") == 0) {
        timer_for(first)->works = true;
        set(&timers[first % TIMERS], second);
    } else if (strcmp(order, "fatal") == 0) {
        timer_for(first)->victim = &timers[second % TIMERS];
        set(&timers[first % TIMERS], 0);
    } else if (strcmp(order, "clear") == 0) {
        loop_clear_timer(loop, &timers[first % TIMERS].timer);
    } else if (strcmp(order, "count") == 0) {
        say("count", timers[first % TIMERS].calls);
    } else {
        return false;
    }
    return true;
}

static void count_turns(void *context)
{
    struct named_timer *turns = context;

    if (--turns->number == 0)
        say_word("over");
    else
        set(turns, 0);
}

void say_over_soon(void)
{
    static struct named_timer turns = {.timer = {.on_time = count_turns, .context = &turns}};

    turns.number = TURNS_TO_WAIT;
    set(&turns, 0);
}

/* --- wakes --- */

static atomic_long posted;
static long rewakes;

static void post_wake(void)
{
    atomic_fetch_add(&posted, 1);
    loop_wake(loop);
}

static void on_wake(void *context)
{
    (void)context;
    if (rewakes > 0) {
        rewakes--;
        post_wake();
    }
    say("woken", atomic_load(&posted));
}

static void *wake_often(void *context)
{
    for (long left = *(long *)context; left > 0; left--)
        post_wake();
    return NULL;
}

/* The threads start at once, and the loop goes back to sleep meanwhile. */
static void start_wakers(long threads, long count)
{
    static long wakes; /* each thread's: the next order comes after these have been heard of */
    pthread_t thread;

    wakes = count;
    for (; threads > 0; threads--) {
        if (pthread_create(&thread, NULL, wake_often, &wakes) != 0)
            die("pthread_create");
        pthread_detach(thread);
    }
}

static void on_signal(int number)
{
    (void)number;
    post_wake();
}

static bool obey_about_wakes(const char *order, long first, long second)
{
    if (strcmp(order, "wake") == 0)
        start_wakers(first, second);
    else if (strcmp(order, "rewake") == 0)
        rewakes = first;
    else if (strcmp(order, "wakes") == 0)
        wake_often(&first);
    else if (strcmp(order, "signal") == 0)
        sigaction(SIGUSR1, &(struct sigaction){.sa_handler = on_signal}, NULL);
    else
        return false;
    return true;
}

/* --- orders --- */

static bool quitting, waking;

static void obey(const char *line)
{
    char order[16] = "";
    long first = 0, second = 0;

    sscanf(line, "%15s %ld %ld", order, &first, &second);
    if (obey_about_timers(order, first, second) || obey_about_wakes(order, first, second) ||
        obey_about_ends(order, first))
        return;
    if (strcmp(order, "say") == 0)
        say("say", first);
    quitting = strcmp(order, "quit") == 0;
    waking = strcmp(order, "stopwake") == 0;
    if (quitting || waking || strcmp(order, "stop") == 0)
        loop_stop(loop);
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
        obey("quit"); /* the end of input */
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
    loop = argc == 2 ? loop_new(argv[1]) : NULL;
    if (loop == NULL) {
        fprintf(stderr, "usage: loop_driver BACKEND: %s\n", strerror(errno));
        return 2;
    }
    loop_on_wake(loop, on_wake, NULL);
    if (loop_add(loop, STDIN_FILENO, LOOP_READ, on_orders, NULL) < 0)
        die("loop_add");
    say_word("ready");
    while (!quitting) {
        if (loop_run(loop) < 0)
            die("loop_run");
        say_word("stopped");
        if (waking)
            post_wake();
    }
    loop_free(loop);
    return EXIT_SUCCESS;
}
