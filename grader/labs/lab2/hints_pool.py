"""Hints of lab 2's worker pool and client, by stage and by diagnosis."""

from __future__ import annotations

from grader.labs.hints import Hint

HINTS: dict[str, Hint] = {
    "2.20": Hint(
        "Which thread does what, and what do two of them touch?",
        "Only work() runs in a worker. All else belongs to the loop's thread: connections, the "
        "bookkeeping of clients, done(). Between them are two queues and one mutex.",
        "A worker takes a job under the mutex, works without it, puts the job into the second "
        "queue under it, and wakes the loop. on_wake takes that queue as a whole and calls done() "
        "for each job, without the mutex.",
    ),
    "2.20 sanitizer": Hint(
        "Which two threads does the report name, and what do both touch there?",
        "A data race: one thread writes what another one reads or writes, and no lock is held by "
        "both. Or the memory of a job or a client was given back while somebody still had it.",
        "Touch both queues only under the pool's mutex, and nothing of a connection in work(). A "
        "job is freed in done(), or after it.",
    ),
    "2.20 no-reply": Hint(
        "A job is done. Who tells the loop's thread, which sleeps?",
        "No worker takes the job, or its result lies in a queue that nobody looks at.",
        "pool_submit() signals the condition on which workers wait. A worker calls loop_wake() "
        "after it has put the job back, and on_wake calls pool_deliver(), which takes all that "
        "there are.",
    ),
    "2.20 reply-order": Hint(
        "Two requests of one client are at work, and the second one is done first. Where does its "
        "reply wait?",
        "Replies are sent as jobs end, and jobs end in any order.",
        "Keep each client's requests in a queue, in the order in which they came. Mark in it what "
        "is done, and send from its front as long as the front is done.",
    ),
    "2.20 replies-lost": Hint(
        "What becomes of a line for which the pool has no room, and of the lines behind it?",
        "It is dropped, or counted as used, or nobody looks at it again when there is room. Or the "
        "connection ends while something is still owed.",
        "Leave what can't be submitted unused, pause the connection, and put the client into a "
        "queue of those that wait. Each job that ends makes room: let the first of them go on. "
        "After the half-close, finish when nothing is owed any more.",
    ),
    "2.20 text-changed": Hint(
        "Which bytes may a text hold?",
        "All but the line end: NUL and spaces too, for which strlen, %s and strtok stop.",
        "Find the line end with memchr(), and from there on keep the text's length with it.",
    ),
    "2.20 malformed-line": Hint(
        "What do strtol() and atoi() accept that is no decimal number here, and when do you know "
        "that a line is too long?",
        "They skip spaces, take signs and stop at the first other byte; a number may overflow. A "
        "line of more than 1024 bytes is wrong before its end has come.",
        "Check each byte: digits, at most 10000, one space. Refuse as soon as 1024 bytes hold no "
        "line end. 'error' takes its place behind what is owed, and then connection_finish() lets "
        "the client read it.",
    ),
    "2.20 work-in-turn": Hint(
        "Who sleeps while a job does: a worker, the loop's thread, or the client's other jobs too?",
        "The work is done in the loop's thread, or by one worker, or under the mutex, or a client's"
        " next job is submitted only after its last one.",
        "Start as many workers as --workers says; let none hold the mutex while it works; submit "
        "every line at once.",
    ),
    "2.20 loop-waits": Hint(
        "In which call does the loop's thread sleep while all workers are busy?",
        "It waits for a worker: for a lock that is held during work, or for room in the pool.",
        "pool_submit() never waits: without room it says EAGAIN. No lock is held while a job is at "
        "work.",
    ),
    "2.20 too-many-workers": Hint(
        "How many threads does 'ls /proc/PID/task' show?",
        "A pool is bounded: --workers jobs run at a time, and further ones wait.",
        "Start the threads once, in pool_new(), as many as were asked for.",
    ),
    "2.20 reply-of-another": Hint(
        "A job comes back, and a connection sits in its slot. How do you know that it is the one "
        "that asked?",
        "The kernel gives the lowest free descriptor to the next client: the number is the same, "
        "the client another.",
        "Give each connection a number that is never used again, its generation. The job carries "
        "slot and generation, and its result is dropped unless both still fit.",
    ),
    "2.20 one-takes-all": Hint(
        "How many places of the pool may one client take, and how many results may wait for its "
        "first one?",
        "It fills the pool, or all that the server is ready to hold, while its first request "
        "sleeps.",
        "Bound what each client is owed, well below what the pool holds, and pause the client "
        "while it has as much.",
    ),
    "2.20 memory-unbounded": Hint(
        "What do you keep for a client, of whichever kind, and what bounds each kind?",
        "Lines that were read and not submitted, jobs that wait, results that wait for an earlier "
        "one, output that nobody reads: one of them has no bound.",
        "Read nothing more from a client while the pool is full or while it is owed as many "
        "replies as you allow.",
    ),
    "2.20 does-not-end": Hint(
        "Which threads are left, and what do they wait for?",
        "Workers sleep in pthread_cond_wait(3) and nobody tells them of the end, or they first do "
        "all that still waits.",
        "SIGTERM stops the loop. pool_free() sets a flag under the mutex, wakes all workers, and "
        "joins them; each looks at the flag before it takes another job.",
    ),
    "2.21": Hint(
        "For each of the three descriptors: when do you want to read it, and when to write it?",
        "One thread waits for all three in select(). It reads a side only while the buffer behind "
        "it has room, and writes a side only while there is something to write.",
        "Keep a buffer for each direction. Before each select(), put a source into the set of "
        "readers if its buffer is empty and it has not ended, and a target into the set of writers "
        "if its buffer is not empty.",
    ),
    "2.21 busy-when-idle": Hint(
        "Which descriptor is ready, and what do you do about it?",
        "select() reports it again and again: the socket can nearly always be written, a source "
        "that has ended can always be read, and so can one for which there is no room.",
        "Put a descriptor into a set only if you would act on it now.",
    ),
    "2.21 memory-unbounded": Hint(
        "What if one side sends and the other does not read?",
        "All that comes is read and kept, however much is waiting already.",
        "Leave a source out of the set while its buffer is full. The kernel's own buffers fill "
        "then, and its sender waits.",
    ),
    "2.21 output-blocks": Hint(
        "select() says that standard output can be written. How much of it, without waiting?",
        "On a pipe, PIPE_BUF bytes. A write of more waits until somebody reads, and the other "
        "direction with it.",
        "Write at most PIPE_BUF bytes after each select(). (To set O_NONBLOCK would change the "
        "open file description, which others share.)",
    ),
    "2.21 left-nonblocking": Hint(
        "Who else has the open file description that your standard input is?",
        "The shell, and whatever it starts next: O_NONBLOCK is not the descriptor's own, and stays "
        "when the program ends.",
        "Leave standard input and output as they are: after select(), a read returns what is "
        "there, and a short write does not wait.",
    ),
    "2.21 not-in-select": Hint(
        "Which call does the program sleep in, and what can wake it there?",
        "It sleeps in a call that waits for one descriptor, or for time.",
        "Make the socket non-blocking, and let select() be the only call that waits.",
    ),
    "2.21 more-threads": Hint(
        "What is the second thread needed for?",
        "In lab 1 each direction had its own, since read() and write() waited. Here select() waits "
        "for all.",
        "One loop serves both directions.",
    ),
    "2.21 both-block": Hint(
        "Draw the four buffers between the two programs. Which are full?",
        "The program waits in a write until the server reads, and the server waits too.",
        "Make the socket non-blocking, and keep what it does not take for the next turn.",
    ),
    "2.22": Hint(
        "connect() on a non-blocking socket returns at once. How do you learn what became of it?",
        "It fails with EINPROGRESS and goes on in the kernel. When the outcome is known the socket "
        "can be written, whatever the outcome is.",
        "Wait for that with select(), for no longer than the timeout, and then ask for SO_ERROR.",
    ),
    "2.22 in-progress": Hint(
        "connect() returned -1. What does errno say about the attempt?",
        "EINPROGRESS: it has begun, and goes on without you. Taken for a failure, it ends before "
        "any answer can come.",
        "After EINPROGRESS wait with select() until the socket can be written, then ask for "
        "SO_ERROR.",
    ),
    "2.22 connected-unnoticed": Hint(
        "Which of select()'s three sets tells of a connection that is made?",
        "The wrong set is watched: a connection that was just made has nothing to read.",
        "Put the socket into the set of writers while it connects.",
    ),
    "2.22 no-timeout": Hint(
        "How often does the kernel ask again before it gives up, and after how long: tcp(7), "
        "tcp_syn_retries?",
        "connect() or select() waits without a bound: for about two minutes.",
        "Make the socket non-blocking before connect(), and give select() what is left of the "
        "timeout.",
    ),
    "2.22 timeout-early": Hint(
        "In which units does a timeval count?",
        "Seconds and microseconds; milliseconds have to be divided and multiplied.",
        "Split the milliseconds into whole seconds and the rest, and the rest times 1000 is "
        "tv_usec.",
    ),
    "2.22 one-address-only": Hint(
        "A socket can be written. Is it connected?",
        "Not if the attempt failed: an error makes it writable as well. Or the first address that "
        "fails, or is silent, ends the search.",
        "Ask for SO_ERROR, close what failed or took too long, and go on to the next address.",
    ),
    "2.22 attempt-left-open": Hint(
        "What does the kernel do with an attempt that you no longer wait for?",
        "It goes on for minutes, and holds a descriptor, until the socket is closed.",
        "Close the socket on every path that gives it up.",
    ),
}
