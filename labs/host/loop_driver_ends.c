/* loop_driver_ends.c - the loop driver's orders about descriptors.
 *
 *     steal           two are readable; the first to be told removes and closes the other, and adds
 *                     a new descriptor under its number: "told", then "over"
 *     mute            two are readable; the first to be told asks for nothing from the other: as
 *                     above
 *     many N          N are readable: "many K", by the number of those that were told once
 *     end E           a socket whose peer is gone, asked for the events E: "end" and the events
 *                     that are told, if any; "over" a few turns later, as in all that follow
 *     hup             a pipe's reading end without a writer, asked for LOOP_READ
 *     err             a full pipe's writing end without a reader, asked for LOOP_WRITE
 *     full            a socket that can be read and not written, asked for both
 *     high N          a readable socket whose descriptor is N or higher, asked for LOOP_READ
 *     busy B          from now on one is readable in every turn (B is 1), or no longer (0)
 *     twice           adds one twice: "refused", which is right */
#include "loop_driver.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

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

/* Told once, and then not watched any more. */
static void on_end(void *context, unsigned events)
{
    struct end *end = context;

    say("end", (long)events);
    loop_remove(loop, end->fd);
}

static struct end tested;

static void test_end(struct end end, long events)
{
    tested = end;
    watch(&tested, (unsigned)events, on_end);
    say_over_soon();
}

static void test_lost_peer(long events)
{
    struct end end;

    open_pair(&end);
    close(end.peer);
    test_end(end, events);
}

static void fill_up(int fd)
{
    static const char bytes[4096];

    while (write(fd, bytes, sizeof bytes) > 0)
        ;
    while (write(fd, bytes, 1) > 0)
        ;
}

/* A pipe tells of a lost peer by a hang-up or an error, and by nothing else: poll(2). */
static void test_broken_pipe(bool reads)
{
    int fds[2];

    if (pipe2(fds, O_NONBLOCK | O_CLOEXEC) < 0)
        die("pipe2");
    fill_up(reads ? -1 : fds[1]);
    close(fds[reads ? 1 : 0]);
    test_end((struct end){.fd = fds[reads ? 0 : 1]}, reads ? LOOP_READ : LOOP_WRITE);
}

/* Can be read, and cannot be written. */
static void test_full(void)
{
    struct end end;

    open_pair(&end);
    fill(&end);
    fill_up(end.fd);
    test_end(end, LOOP_READ | LOOP_WRITE);
}

static void test_high(long number)
{
    struct end end;

    open_pair(&end);
    fill(&end);
    int high = fcntl(end.fd, F_DUPFD_CLOEXEC, (int)number);
    if (high < 0)
        die("fcntl");
    close(end.fd);
    end.fd = high;
    test_end(end, LOOP_READ);
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

bool obey_about_ends(const char *order, long number)
{
    if (strcmp(order, "steal") == 0)
        start_two(steal);
    else if (strcmp(order, "mute") == 0)
        start_two(mute);
    else if (strcmp(order, "many") == 0)
        start_many(number);
    else if (strcmp(order, "end") == 0)
        test_lost_peer(number);
    else if (strcmp(order, "hup") == 0 || strcmp(order, "err") == 0)
        test_broken_pipe(order[0] == 'h');
    else if (strcmp(order, "full") == 0)
        test_full();
    else if (strcmp(order, "high") == 0)
        test_high(number);
    else if (strcmp(order, "busy") == 0)
        be_busy(number != 0);
    else if (strcmp(order, "twice") == 0)
        add_twice();
    else
        return false;
    return true;
}
