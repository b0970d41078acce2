"""Hints of lab 5's worker pools, by stage and by diagnosis."""

from __future__ import annotations

from grader.labs.hints import Hint

HINTS: dict[str, Hint] = {
    "5.20": Hint(
        "In how many places can a lane be, and who takes it from one to the next?",
        "It has nothing to do, or it waits in the queue for a worker, or a worker has it. A lane "
        "in two places gets two workers; one in none is forgotten.",
        "lanes_submit puts a lane into the queue if it was idle. A worker takes the first lane and "
        "one of its jobs, and marks the lane. When the job has ended it takes the mark away, and "
        "puts the lane behind all others if it has more. All of that under the lock.",
    ),
    "5.20 sanitizer": Hint(
        "Which two threads does the report name, and what do both touch there? Or who freed it?",
        "A data race: a queue or a lane is changed without the lock. Or memory is used after its "
        "owner freed it, which may happen in done: the job is gone then, and maybe its lane.",
        "Touch queues and lanes under the lock only; take from a job what you still need before "
        "you call its done; and take a lane that is dropped out of the queue, also where it is the "
        "last.",
    ),
    "5.20 driver-ended": Hint(
        "Which call of yours does the driver's line on standard error name?",
        "lanes_new or lanes_submit failed, or the driver found something that may not be.",
        "lanes_new returns a pool with all its workers; lanes_submit returns 0, or -1 with EAGAIN "
        "or ECANCELED.",
    ),
    "5.20 no-work": Hint(
        "A job was submitted. Which call wakes a worker, and what does it find?",
        "Workers sleep on, or the lane is not in the queue, or all workers have ended.",
        "Put the job into its lane, the lane into the queue, and signal the condition, all under "
        "the lock. A worker that wakes up looks at the queue, and sleeps again if it is empty.",
    ),
    "5.20 no-done": Hint(
        "A job has ended. Who tells the loop's thread, which sleeps?",
        "The job is in no queue of ended ones, or nobody called loop_wake, or lanes_deliver takes "
        "too few.",
        "The worker puts the job behind those that have ended, and calls loop_wake if it is the "
        "first of them. lanes_deliver takes all that there are.",
    ),
    "5.20 lane-forgotten": Hint(
        "A lane has two jobs, and a worker has the first. Who brings the lane back to the queue?",
        "lanes_submit leaves the lane alone, rightly, since a worker has it; and the worker "
        "forgets it. Or a lane was lost from the queue when another one left it.",
        "After each job: if the lane has more, put it into the queue. When a lane leaves the "
        "queue, mend what points to it: the one before it, and the queue's end.",
    ),
    "5.20 one-at-a-time": Hint(
        "What does each of the workers wait for while the first is at work?",
        "For a lock that is held during work, or for a job that is not theirs to take; or there is "
        "one worker only.",
        "Start as many as were asked for. Hold the lock to take a job and to give it back, and not "
        "in between.",
    ),
    "5.20 two-of-a-lane": Hint(
        "A worker has a job of this lane. What keeps another worker from the next one?",
        "The lane is in the queue while a worker has a job of it.",
        "A worker takes the lane out of the queue with the job, and marks it; lanes_submit puts no "
        "marked lane into the queue.",
    ),
    "5.20 lane-order": Hint(
        "At which end of its lane does a job come in, and at which does it go out?",
        "Jobs are put and taken at the same end.",
        "Keep the first and the last job of a lane. Put behind the last, take the first.",
    ),
    "5.20 done-order": Hint(
        "In which order do jobs leave the queue of those that have ended?",
        "It is a stack, or it is turned round on its way.",
        "Keep its end as well, put behind it, and take from the front.",
    ),
    "5.20 work-in-loop": Hint(
        "Which thread calls work?",
        "lanes_submit or lanes_deliver calls it: in the loop's thread, which all connections wait "
        "for.",
        "Only workers call work.",
    ),
    "5.20 work-twice": Hint(
        "When is a job no longer in its lane?",
        "It is looked at, and taken out later: meanwhile somebody else takes it.",
        "Take it out in the same hold of the lock in which you find it.",
    ),
    "5.20 done-in-worker": Hint(
        "Which thread calls done, and what does done touch?",
        "A worker calls it, and it sends on a connection: which the loop's thread uses at the same "
        "time.",
        "The worker puts the job into a queue and wakes the loop; lanes_deliver calls done.",
    ),
    "5.20 wrong-dropped": Hint(
        "Who sets is_dropped, and for which jobs?",
        "It keeps an old value, or is set for all jobs or for none.",
        "Set it before each done: true for what lanes_drop and lanes_free take out of a lane, "
        "false for what has ended.",
    ),
    "5.20 too-many-workers": Hint(
        "How many threads does 'ls /proc/PID/task' show?",
        "A pool is bounded: so many jobs are done at a time, and further ones wait.",
        "Start the threads once, in lanes_new, as many as were asked for.",
    ),
    "5.20 loop-waits": Hint(
        "What does the loop's thread wait for: look at it with 'make debug' and 'thread apply all "
        "backtrace'?",
        "For a lock that a worker holds while its job is at work, or that it holds itself: done is "
        "called under the lock, and submits.",
        "Call work and done without the lock. Nothing but lanes_free waits for a job.",
    ),
    "5.20 signal-in-worker": Hint(
        "SIGTERM comes. In which thread does the handler run?",
        "In any that has not blocked it: then a worker is interrupted in the middle of its work.",
        "Block all signals with pthread_sigmask() before pthread_create(), which hands the mask "
        "on, and restore the old mask afterwards.",
    ),
    "5.20 busy-when-idle": Hint(
        "What does a worker do that finds no job?",
        "It looks again, and again.",
        "pthread_cond_wait() gives the lock away and sleeps, until somebody signals.",
    ),
    "5.20 out-of-turn": Hint(
        "A lane with a hundred jobs has had its turn. Where does it go?",
        "It stays in front, or the worker goes on with its next job: a connection that always has "
        "something to do starves all others.",
        "One job a turn; then the lane goes behind all that wait.",
    ),
    "5.20 no-bound": Hint(
        "What does lane->jobs count, and when is it one less?",
        "It counts what waits alone, or nothing looks at it: a connection that sends faster than "
        "its jobs are done fills the memory.",
        "Count up in lanes_submit and down just before done, both in the loop's thread. At "
        "most_jobs it is EAGAIN.",
    ),
    "5.20 bound-of-all": Hint(
        "One connection has as many jobs as it may. What of the others?",
        "The bound is one of the whole pool, so the greediest takes all of it.",
        "Compare the lane's own count.",
    ),
    "5.20 no-room-again": Hint(
        "done submits the next job of its lane. Does its own job still count?",
        "It is counted until done has returned.",
        "Count down first, then call done: after it, job and lane may be gone anyway.",
    ),
    "5.20 wrong-count": Hint(
        "A lane is dropped while one of its jobs is at work. How many are in the pool's hands?",
        "One: its owner has to keep the lane until that one is given back.",
        "Count down once for each done, and nowhere else.",
    ),
    "5.20 not-dropped": Hint(
        "When may the owner of a dropped lane go on?",
        "Its jobs wait on, and their done comes later, or never.",
        "Take all jobs out of the lane under the lock, then call done for each, with is_dropped "
        "set, before lanes_drop returns.",
    ),
    "5.20 dropped-works": Hint(
        "A lane is dropped while it waits in the queue. What does the worker find?",
        "The jobs are still there, or the lane is.",
        "Take the lane out of the queue and the jobs out of the lane, in one hold of the lock.",
    ),
    "5.20 taken-at-the-end": Hint(
        "done is called while lanes_free is at work, and submits a job. Who would do it?",
        "No worker is left.",
        "Set a flag when lanes_free begins, and let lanes_submit say ECANCELED from then on.",
    ),
    "5.20 jobs-lost": Hint(
        "lanes_free returns. Which jobs were not given back: those that waited, that were at work, "
        "or that had ended?",
        "Each is memory that nobody frees, and each is owed one done.",
        "Set the flag, wake all workers, join them. Then deliver what has ended, and drop each "
        "lane that is left in the queue.",
    ),
    "5.20 does-not-end": Hint(
        "Which threads are left, and what do they wait for?",
        "Workers sleep in pthread_cond_wait(), and nobody tells them of the end: a signal wakes "
        "one, and there are more.",
        "lanes_free sets the flag under the lock and calls pthread_cond_broadcast(); each worker "
        "looks at the flag before it sleeps and before it takes a job.",
    ),
    "5.20 reply-order": Hint(
        "Two pieces of what one connection sent are at work. Which one is answered first?",
        "The one that ends first. The node gives each connection a lane, and relies on it.",
        "See that no two jobs of a lane are at work at a time, and that done comes in the order in "
        "which they ended.",
    ),
    "5.20 waits-for-another": Hint(
        "Which lane has its turn when a connection sends without end?",
        "The one that sends has all workers, or the loop's thread waits for one of them.",
        "One job a turn, and the lock for a few instructions at a time.",
    ),
    "5.20 reply-of-another": Hint(
        "A connection is gone, and a job of it still at work. When is its lane free again?",
        "The node keeps a client until lane->jobs is 0: if that comes too early, somebody else "
        "has its memory, or its descriptor.",
        "Count a job until just before its done, whatever became of its lane.",
    ),
    "5.20 no-leader": Hint(
        "A timer fires, and becomes a job of the Raft pool. What brings its messages to the "
        "network?",
        "Its done sends them, and sets the timer again. One done that never comes, and the node is "
        "silent.",
        "See that each job that is submitted gets work and done, also when all workers were busy.",
    ),
    "5.20 refused": Hint(
        "Who has called listen() for the Raft port by the time the line 'listening on' is there?",
        "Nobody listens on the client port minus 1000, or a listener there was closed again.",
        "Open both listeners before the line is printed, and keep them for as long as the node "
        "runs.",
    ),
}
