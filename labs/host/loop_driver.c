/* loop_driver.c - takes orders for a loop on standard input, a line each, and says what happened on
 * standard output.
 *
 *     timer N MS      sets timer N; when it is called: "timer N"
 *     clear N         clears it
 *     repeat N        timer N sets itself with 0 ms, for as long as it is not cleared
 *     wake T C        T threads make C wakes each; "woken K" when the K-th was heard of
 *     signal          from now on a SIGUSR1 is a wake
 *     steal           two are readable; the first to be told removes and closes the other, and adds a
 *                     new descriptor under its number: "told", then "over"
 *     mute            two are readable; the first to be told asks for nothing from the other: as
 *                     above
 *     many N          N are readable: "many K", by the number of those that were told once
 *     end E           one whose peer is gone, asked for the events E: "end" and the events that are
 *                     told, if any; "over" a few turns later
 *     busy B          from now on one is readable in every turn (B is 1), or no longer (0)
 *     twice           adds one twice: "refused", which is right
 *     stop            stops the loop, and runs it again: "stopped"
 *     say N           "say N"
 *     quit            frees the loop, and exits with 0; so does the end of input
 *
 * The orders themselves come through the loop that is driven.  By hand:
 *
 *     make run2 PROGRAM=loop_driver ARGS=select */
#include "loop.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TIMERS = 128, TURNS_TO_WAIT = 4, LINE_SIZE = 64 };

static struct loop *loop;

static void say(const char *what, long number)
{
    printf("%s %ld\n", what, number);
    fflush(stdout);
}

static void say_word(const char *word)
{
    puts(word);
    fflush(stdout);
}

static void die(const char *what)
{
    perror(what);
    exit(EXIT_FAILURE);
}

/* --- timers --- */

struct named_timer {
    struct loop_timer timer;
    long number;
    bool repeats;
};

static struct named_timer timers[TIMERS];

static void on_time(void *context)
{
    struct named_timer *named = context;

    if (!named->repeats)
        say("timer", named->number);
    else if (loop_set_timer(loop, &named->timer, 0) < 0)
        die("loop_set_timer");
}

static void set_timer(long number, long delay_ms, bool repeats)
{
    struct named_timer *named = &timers[number % TIMERS];

    named->number = number;
    named->repeats = repeats;
    named->timer.on_time = on_time;
    named->timer.context = named;
    if (loop_set_timer(loop, &named->timer, delay_ms) < 0)
        die("loop_set_timer");
}

/* Says "over" a few turns later: time for whatever should not be told. */
static void count_turns(void *context)
{
    struct named_timer *named = context;

    if (--named->number == 0)
        say_word("over");
    else if (loop_set_timer(loop, &named->timer, 0) < 0)
        die("loop_set_timer");
}

static void say_over_soon(void)
{
    static struct named_timer turns = {.timer = {.on_time = count_turns, .context = &turns}};

    turns.number = TURNS_TO_WAIT;
    if (loop_set_timer(loop, &turns.timer, 0) < 0)
        die("loop_set_timer");
}

/* --- wakes --- */

static atomic_long posted;

static void on_wake(void *context)
{
    (void)context;
    say("woken", atomic_load(&posted));
}

static void *wake_often(void *context)
{
    for (long left = *(long *)context; left > 0; left--) {
        atomic_fetch_add(&posted, 1);
        loop_wake(loop);
    }
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
    atomic_fetch_add(&posted, 1);
    loop_wake(loop);
}

/* --- descriptors --- */

/* One end of a pair, watched. */
struct end {
    int fd, peer;
    struct end *other;
};

static void open_pair(struct end *end)
{
    int fds[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) < 0)
        die("socketpair");
    *end = (struct end){.fd = fds[0], .peer = fds[1]};
}

static void watch(struct end *end, unsigned events, void (*on_event)(void *, unsigned))
{
    if (loop_add(loop, end->fd, events, on_event, end) < 0)
        die("loop_add");
}

static void drain(int fd)
{
    char bytes[16];

    while (read(fd, bytes, sizeof bytes) > 0)
        ;
}

static void fill(const struct end *end)
{
    if (write(end->peer, "x", 1) != 1)
        die("write");
}

static void drop(struct end *end)
{
    loop_remove(loop, end->fd);
    close(end->fd);
    close(end->peer);
}

/* Told of a descriptor that has nothing to tell. */
static void on_stale(void *context, unsigned events)
{
    (void)context;
    say("stale", (long)events);
}

/* The other's number goes to a new descriptor, which cannot have been ready when the turn began. */
static void steal(void *context, unsigned events)
{
    static struct end thief;
    struct end *end = context, *victim = end->other;
    int number = victim->fd;

    (void)events;
    say_word("told");
    drop(victim);
    open_pair(&thief);
    if (thief.fd != number && dup3(thief.fd, number, O_CLOEXEC) < 0)
        die("dup3");
    if (thief.fd != number)
        close(thief.fd);
    thief.fd = number;
    watch(&thief, LOOP_READ, on_stale);
    drop(end);
    say_over_soon();
}

/* Asks for nothing from the other, whose event is in the same batch. */
static void mute(void *context, unsigned events)
{
    struct end *end = context;

    (void)events;
    say_word("told");
    if (loop_change(loop, end->other->fd, 0) < 0)
        die("loop_change");
    drop(end);
    say_over_soon();
}

static void start_two(void (*on_event)(void *, unsigned))
{
    static struct end ends[2];

    for (int i = 0; i < 2; i++)
        open_pair(&ends[i]);
    for (int i = 0; i < 2; i++) {
        ends[i].other = &ends[1 - i];
        fill(&ends[i]);
        watch(&ends[i], LOOP_READ, on_event);
    }
}

static long many_told, many_due;

static void on_one_of_many(void *context, unsigned events)
{
    struct end *end = context;

    (void)events;
    drain(end->fd);
    drop(end);
    free(end);
    if (++many_told == many_due)
        say("many", many_told);
}

static void start_many(long count)
{
    many_told = 0;
    many_due = count;
    for (; count > 0; count--) {
        struct end *end = malloc(sizeof *end);
        if (end == NULL)
            die("malloc");
        open_pair(end);
        fill(end);
        watch(end, LOOP_READ, on_one_of_many);
    }
}

static void on_end(void *context, unsigned events)
{
    struct end *end = context;

    say("end", (long)events);
    loop_remove(loop, end->fd);
}

static void start_end(long events)
{
    static struct end end;

    open_pair(&end);
    close(end.peer);
    watch(&end, (unsigned)events, on_end);
    say_over_soon();
}

static void add_twice(void)
{
    struct end end;

    open_pair(&end);
    watch(&end, LOOP_READ, on_stale);
    bool refused = loop_add(loop, end.fd, LOOP_READ, on_stale, &end) < 0 && errno == EEXIST;
    say_word(refused ? "refused" : "not refused with EEXIST");
    drop(&end);
}

static void ignore(void *context, unsigned events)
{
    (void)context;
    (void)events;
}

static void be_busy(bool busy)
{
    static struct end end;

    if (!busy) {
        drop(&end);
        return;
    }
    open_pair(&end);
    fill(&end);
    watch(&end, LOOP_READ, ignore);
}

/* --- orders --- */

static bool quitting;

static void obey(const char *line)
{
    char order[16] = "";
    long first = 0, second = 0;

    sscanf(line, "%15s %ld %ld", order, &first, &second);
    if (strcmp(order, "timer") == 0)
        set_timer(first, second, false);
    else if (strcmp(order, "repeat") == 0)
        set_timer(first, 0, true);
    else if (strcmp(order, "clear") == 0)
        loop_clear_timer(loop, &timers[first % TIMERS].timer);
    else if (strcmp(order, "wake") == 0)
        start_wakers(first, second);
    else if (strcmp(order, "signal") == 0)
        sigaction(SIGUSR1, &(struct sigaction){.sa_handler = on_signal}, NULL);
    else if (strcmp(order, "steal") == 0)
        start_two(steal);
    else if (strcmp(order, "mute") == 0)
        start_two(mute);
    else if (strcmp(order, "many") == 0)
        start_many(first);
    else if (strcmp(order, "end") == 0)
        start_end(first);
    else if (strcmp(order, "busy") == 0)
        be_busy(first != 0);
    else if (strcmp(order, "twice") == 0)
        add_twice();
    else if (strcmp(order, "say") == 0)
        say("say", first);
    else if (strcmp(order, "stop") == 0 || strcmp(order, "quit") == 0) {
        quitting = order[0] == 'q';
        loop_stop(loop);
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
    }
    loop_free(loop);
    return EXIT_SUCCESS;
}
