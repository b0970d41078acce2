"""Hints of lab 2, by stage and by diagnosis."""

from __future__ import annotations

from grader.labs.diagnosis_hints import DIAGNOSES
from grader.labs.hints import Hint
from grader.labs.lab2 import hints_http, hints_pool

STAGES = {
    "2.1": Hint(
        "Follow one byte: which call tells that it is there, which function is called for that, "
        "and who writes the byte back?",
        "Somewhere on the way from select() to send() a link is missing: the descriptor is not in "
        "the set, the batch is not dispatched, or the callback is not called.",
        "Let loop_add note who asked and tell the backend; let select() wait on copies of the "
        "sets; turn its answer into a batch, and call back for each entry. A connection reads "
        "once, hands on, and sends.",
    ),
    "2.2": Hint(
        "What has your code to remember of each client, and what changes when one of them leaves?",
        "The sets that select() was given are not the ones that it leaves; its first argument is "
        "the highest descriptor and one more; a closed descriptor in a set makes it fail with "
        "EBADF.",
        "Keep the sets of what is wanted apart, copy them for each call, and take a descriptor out "
        "of them before it is closed. Give select() the highest number plus one.",
    ),
    "2.3": Hint(
        "What does send() do when the client's side is full, on a socket that blocks, and on one "
        "that does not?",
        "It waits, and all clients with it; or it takes a part, or fails with EAGAIN, and what it "
        "did not take is lost or comes in the wrong order.",
        "Make every connection non-blocking. Keep what send() did not take in a buffer, ask the "
        "loop for LOOP_WRITE while something waits there, and send nothing past it.",
    ),
    "2.4": Hint(
        "A client has sent its last byte and does not read. What do you still owe it, and what do "
        "you wait for now?",
        "The connection is closed with output pending; or it goes on being read, which gives 0 at "
        "once, for ever.",
        "After read() returned 0, ask for LOOP_WRITE alone, and only while output waits. Close "
        "when the last of it has been taken.",
    ),
    "2.5": Hint(
        "How many bytes can wait for one client, and what stops there being more?",
        "The server reads whatever comes and keeps it, so a client that never reads fills its "
        "memory.",
        "While 1 MiB of output or more waits, do not ask for LOOP_READ: the kernel's buffers fill, "
        "and TCP's flow control stops the sender. Ask again when there is room.",
    ),
    "2.6": Hint(
        "How long may the loop sleep, and which timers are due when it wakes up?",
        "The timeout has other units than the timers, or is rounded the wrong way, or the first "
        "timer of the heap is not the soonest.",
        "Take times from CLOCK_MONOTONIC in nanoseconds. Sleep for what is left until the soonest, "
        "rounded up to a millisecond, and then call all whose time has passed, soonest first.",
    ),
    "2.7": Hint(
        "How many bits has an fd_set, and what does FD_SET do with a number behind the last of "
        "them?",
        "FD_SETSIZE is 1024, and FD_SET does not check: it writes into what lies behind the set.",
        "Refuse a descriptor from FD_SETSIZE on in the backend, with ERANGE, and close that "
        "connection; the listening socket goes on.",
    ),
    "2.8": Hint(
        "Who remembers what you wait for: your program, or the kernel?",
        "epoll_ctl() has to be told of each change: ADD for what is new, MOD for what it knows, "
        "DEL when nothing is wanted any more.",
        "Map no events, some events and other events to ADD, MOD and DEL. Store the descriptor in "
        "the event's data, and read it from there.",
    ),
    "2.9": Hint(
        "Which part of your program knows which backend it runs on?",
        "Something that select forgave is told otherwise by epoll: an interest that was never "
        "changed, or a timeout in other units.",
        "Everything but the backend's own file should be the same. Compare what both are asked "
        "for, call by call: 'strace -e epoll_ctl' shows it.",
    ),
    "2.10": Hint(
        "What does one turn of your loop cost when 10,000 clients are silent?",
        "Some loop runs over all connections, or over a table as large; or there is a fixed array "
        "that is too small.",
        "Look only at what the batch names. Tables grow with what comes.",
    ),
    "2.11": Hint(
        "When does your server stop reading from one client?",
        "When nothing is left. A client that sends as fast as you read never lets this happen.",
        "Read once in each turn, or up to some bound; a level-triggered loop tells again.",
    ),
    "2.12": Hint(
        "Which events does the kernel tell of although nobody asked for them, and what does the "
        "next read or write return then?",
        "EPOLLHUP and EPOLLERR are told always, and stay. Who ignores them is told again at once; "
        "a connection that waits to write is closed by the error of its write.",
        "Tell a hang-up as everything that was asked for, and let the next call find the error; "
        "take a descriptor without interest out of the epoll instance. Close on any error.",
    ),
    "2.13": Hint(
        "The batch names two descriptors. The callback of the first closes the second: what is "
        "the second entry now?",
        "An event of the past. Its descriptor is closed, or its number belongs to another "
        "connection already, which is not ready at all.",
        "Look up each entry when its turn comes: is the descriptor still watched, with these "
        "events, and was it already when the batch was made? A counter of turns answers the last.",
    ),
    "2.14": Hint(
        "accept() fails with EMFILE. What will select() or epoll_wait() say next?",
        "That the listening socket is readable: the connection still waits. The loop spins, or "
        "the server ends, or it never asks again.",
        "Stop asking about the listening socket, and set a timer that asks again.",
    ),
    "2.15": Hint(
        "Which calls can fail with EINTR or EAGAIN, and what has happened when they do?",
        "Nothing has happened. epoll_wait() is interrupted by a mere SIGSTOP and SIGCONT.",
        "A wait that was interrupted is a turn without events; a read or write is made again after "
        "EINTR, and left to a later turn after EAGAIN.",
    ),
    "2.16": Hint(
        "What does your loop wait for that is true at once?",
        "An interest that has no use, a timeout of 0, or an event that nobody takes.",
        "'strace -p PID' shows what returns at once, and with what.",
    ),
    "2.17": Hint(
        "What ends the sleep of a thread in epoll_wait(), if no client does anything?",
        "Nothing but a descriptor that it watches. A flag that another thread sets is seen after "
        "the next event, and is a data race besides.",
        "Watch an eventfd (or a pipe) in the loop; loop_wake() writes to it, and the loop's thread "
        "reads it and calls on_wake.",
    ),
    "2.18": Hint(
        "After EPOLLET told once that a socket can be read: when will it tell again?",
        "When something new arrives. What was left unread is not new.",
        "Read until EAGAIN; where you stop earlier, call loop_change, which makes the kernel look "
        "again (EPOLL_CTL_MOD).",
    ),
    "2.19": Hint(
        "poll() is given an array. Which entry belongs to which descriptor when some of them go?",
        "An entry in the middle is taken out, and the others move; or POLLERR, POLLHUP and "
        "POLLNVAL are not looked at.",
        "Put the last entry into the place of the one that goes, and note where each descriptor's "
        "entry is.",
    ),
}

BY_DIAGNOSIS = {
    "other-call": Hint(
        "In which call does your program sleep, and which one is asked for?",
        "The backend that was asked for is not the one that waits.",
        "loop_new() chooses by name; each backend waits in its own call.",
    ),
    "not-one-loop": Hint(
        "How many threads does your server have when twenty clients are connected?",
        "Each client gets a thread or a process: that is lab 1.",
        "Let one thread wait for all of them together.",
    ),
    "blocked-by-one": Hint(
        "In which call does your server wait for one client?",
        "In send() or recv() on a socket that blocks.",
        "Set O_NONBLOCK on each connection: accepted sockets do not inherit it from the listener.",
    ),
    "spins-at-end": Hint(
        "What does select() say of a socket whose peer has sent FIN?",
        "It can be read, always: read() returns 0 at once.",
        "Once 0 was read, ask for no LOOP_READ any more.",
    ),
    "spins-when-full": Hint(
        "What does the loop tell of a client that you do not want to read from?",
        "Its bytes wait in the kernel, so the socket is readable in each turn.",
        "Take LOOP_READ out of its interest with loop_change, and put it back when there is room.",
    ),
    "timer-early": Hint(
        "0.6 ms are left until the timer is due. What timeout do you give, and what if that is 0?",
        "The rest of a millisecond is cut off, in the timeout or where the time is read.",
        "Count in nanoseconds, round the timeout up, and call a timer only when its time is past.",
    ),
    "timer-missing": Hint(
        "Which timer is at the front of your heap, and how long is the sleep until then?",
        "A timer is lost when another one is taken out or moved, or the units of the sleep are "
        "wrong.",
        "After each change, each timer's slot must name its place, and no child may be sooner "
        "than its parent: write a check, and run it after every change.",
    ),
    "timer-order": Hint(
        "Which of two timers that are both due is called first?",
        "They are called in another order than that of their times: the heap is not one.",
        "A timer that moves may have to go up or down; the last one that fills a gap too.",
    ),
    "timer-again": Hint(
        "What is left of a timer after it was called, moved or cleared?",
        "Its old place in the heap.",
        "Take it out before its callback runs; when it is moved, move it in place.",
    ),
    "timer-overflow": Hint(
        "How many milliseconds fit into an int, how many microseconds into a 32-bit number?",
        "25 days, and 71 minutes. What does not fit becomes negative, or small.",
        "Keep times in 64 bits, and cut the timeout to the largest that the call takes.",
    ),
    "timers-starve-descriptors": Hint(
        "A timer's callback sets the timer again with 0 ms. When is it called next?",
        "In the same turn, and again: the turn does not end.",
        "Read the clock once, and call what was due before; what is set meanwhile is due later.",
    ),
    "loop-silent": Hint(
        "Which turn should have called back, and what did the loop wait for?",
        "The event is not dispatched, or the loop sleeps although something is due.",
        "Follow one turn: which timeout, which batch, which callbacks?",
    ),
    "unexpected-callback": Hint(
        "Who called this callback, and what was asked for at that moment?",
        "Something is told that nobody asked for, or asks for any more.",
        "Compare each event of the batch with the interest as it is now.",
    ),
    "hang-up-untold": Hint(
        "What can you do with a socket whose peer is gone: read, write, both?",
        "Both: a read gives the end of file or an error, a write an error. Neither waits.",
        "Tell EPOLLHUP and EPOLLERR as LOOP_READ and LOOP_WRITE, as far as these were asked for.",
    ),
    "stale-event-steal": Hint(
        "A descriptor was closed, and its number taken by another, since the batch was made. What "
        "does the batch say of that other?",
        "Nothing: the event belongs to the one that is gone.",
        "Note for each watch in which turn it was added, and skip the batch of that turn.",
    ),
    "stale-event-mute": Hint(
        "A callback asks for nothing more from a descriptor that is later in the same batch. What "
        "is told?",
        "The batch is older than the wish.",
        "Tell only what is in the batch and in the interest as it is now.",
    ),
    "cost-of-idle": Hint(
        "Which loop in your program has as many rounds as there are connections?",
        "epoll_wait() returns what is ready; something else goes over all.",
        "Handle the returned events only. What has to happen later gets a timer.",
    ),
    "not-so-many": Hint(
        "Where does your program keep what belongs to a connection, and how large is that?",
        "An array of fixed size, or the limit of descriptors.",
        "Let tables grow, or allocate for each connection.",
    ),
    "setsize-overflow": Hint(
        "Which check stands before FD_SET?",
        "None, or one against another number than FD_SETSIZE.",
        "Refuse fd >= FD_SETSIZE before it goes into a set.",
    ),
    "beyond-setsize": Hint(
        "Which call does the select backend wait in?",
        "A set of 1024 bits cannot name so many descriptors.",
        "Refuse what does not fit, as select(2) asks.",
    ),
    "spins-after-reset": Hint(
        "What is told in each turn after a client's RST, and who takes it?",
        "The hang-up is told until the descriptor is closed or taken out.",
        "Let the read or write that fails close the connection.",
    ),
    "busy-before-timer": Hint(
        "How long is each sleep in the last millisecond before a timer is due?",
        "0, again and again: the rest is rounded down. Or the timeval that select() was given is "
        "used again, and Linux has written the rest of the time into it.",
        "Round up, and fill in the timeout anew for each call.",
    ),
    "wake-lost": Hint(
        "What if the wake comes just before the loop goes to sleep?",
        "A flag or a signal that comes then is not seen until something else happens.",
        "Write to a descriptor that the loop watches: it stays readable until it is read.",
    ),
    "no-edges": Hint(
        "With which flags is a connection added to the epoll instance?",
        "Without EPOLLET the kernel tells levels.",
        "Set EPOLLET with the events, at ADD and at MOD.",
    ),
    "driver-ended": Hint(
        "What did the driver say last, and which of your functions had it called?",
        "A function of loop.h failed where it should not, or the sanitizer stopped it.",
        "Its own words are on the card; labs/host/loop_driver.c shows what each order calls.",
    ),
}

HINTS = DIAGNOSES | STAGES | BY_DIAGNOSIS | hints_pool.HINTS | hints_http.HINTS
