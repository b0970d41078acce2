"""Lab 5, an extension: a node with threads. The pool under its driver, then the node as a whole."""

from __future__ import annotations

import re
from pathlib import Path

from grader.labs.lab5 import pools_node
from grader.labs.lab5.lanes import Lanes
from grader.labs.stage import Attempt, stage
from grader.run import procinfo
from grader.verdicts import Diagnosis, fail

NO_WORK = Diagnosis("no-work", "a job waits and a worker is free, and its work is not called")
NO_DONE = Diagnosis("no-done", "the work of a job has ended, and its done is not called")
NO_TURN = Diagnosis(
    "lane-forgotten", "the lane has a job that waits, and no worker comes for it any more"
)
ONE_AT_A_TIME = Diagnosis(
    "one-at-a-time", "jobs of different lanes are done at the same time, by different workers"
)


@stage(
    "5.20",
    "Worker pools",
    points=10,
    see="lab5#pools",
    source="pthread_cond_wait(3)",
    extension=True,
    program="lanes",
    seconds=30,
)
def test_pools(attempt: Attempt) -> None:
    """The jobs of one connection are done one after another, in their order, and those of different
    connections at the same time, in turn. A connection that leaves takes its jobs with it, and all
    end in order. Clean under ThreadSanitizer.
    """
    for build in ("judge", "threads"):
        in_order(attempt, build)
        side_by_side(attempt, build)
        in_turn(attempt, build)
        bounded(attempt, build)
        dropped(attempt, build)
        in_the_queue(attempt, build)
        ends(attempt, build)
    many(attempt)
    pools_node.check(attempt)


def in_order(attempt: Attempt, build: str) -> None:
    """Other workers are free, and none takes the lane's next job before its first has ended."""
    pool = Lanes(attempt, 4, 8, build)
    pool.obeyed("held 1 1")
    pool.until_all("work", [1], NO_WORK)
    pool.obeyed("job 2 1", "job 3 1", "job 4 2")
    pool.until_all("work", [4], ONE_AT_A_TIME)
    pool.until_all("done", [4], NO_DONE)
    pool.rest()
    for number in (2, 3):
        pool.never(
            f"work {number}",
            "a job is at work, and so is the next one of its lane",
            Diagnosis("two-of-a-lane", "jobs of one lane are done one after another"),
        )
    pool.obeyed("release 1")
    pool.until_all("work", [2, 3], NO_TURN)
    pool.until_all("done", [1, 2, 3], NO_DONE)
    if pool.numbers("done") != [4, 1, 2, 3]:
        fail(
            "the done of a lane's jobs comes in another order than their work",
            Diagnosis("done-order", "done is called in the order in which jobs ended"),
        )
    pool.obeyed("job 5 1")
    pool.until_all("work", [5], NO_TURN)
    pool.quit()


def side_by_side(attempt: Attempt, build: str) -> None:
    """As many jobs at a time as there are workers, and the loop's thread goes on."""
    pool = Lanes(attempt, 4, 8, build)
    for number in (1, 2, 3, 4):
        pool.obeyed(f"held {number} {number}")
    pool.until_all("work", [1, 2, 3, 4], ONE_AT_A_TIME)
    pool.obeyed("held 5 5")
    pool.never(
        "work 5",
        "four workers are at work, and a fifth job is too",
        Diagnosis("too-many-workers", "the number of workers bounds how many jobs run at a time"),
    )
    if build == "judge":
        expect_masked(pool)
    pool.obeyed("release 2")
    pool.until_all("work", [5], NO_WORK)
    pool.obeyed(*(f"release {number}" for number in (1, 3, 4, 5)))
    pool.until_all("done", [1, 2, 3, 4, 5], NO_DONE)
    if build == "judge" and not pool.rest():  # ThreadSanitizer has a thread of its own
        fail(
            "no job waits, and a worker is awake again and again",
            Diagnosis("busy-when-idle", "a worker that finds no job sleeps until there is one"),
        )
    pool.quit()


def expect_masked(pool: Lanes) -> None:
    """Workers have all signals blocked: proc(5), SigBlk."""
    term = 1 << 14  # SIGTERM is 15
    for thread in procinfo.threads(pool.program.pid):
        blocked = re.search(r"^SigBlk:\t(\w+)$", status_of(thread), re.MULTILINE)
        if thread != pool.program.pid and blocked and not int(blocked[1], 16) & term:
            fail(
                "a worker has SIGTERM not blocked",
                Diagnosis(
                    "signal-in-worker",
                    "a thread begins with the signal mask of the one that creates it: "
                    "pthread_sigmask(3)",
                ),
            )


def status_of(thread: int) -> str:
    try:
        return Path(f"/proc/{thread}/status").read_text()
    except OSError:  # it has ended
        return ""


def in_turn(attempt: Attempt, build: str) -> None:
    """One worker; the first lane has many jobs, and delays each other one by one of them."""
    pool = Lanes(attempt, 1, 64, build)
    pool.obeyed("held 1 1")
    pool.until_all("work", [1], NO_WORK)
    lanes = {1: range(2, 12), 2: range(20, 25), 3: range(30, 35)}
    for lane, numbers in lanes.items():
        pool.obeyed(*(f"job {number} {lane}" for number in numbers))
    pool.obeyed("release 1")
    for numbers in lanes.values():
        pool.until_all("work", list(numbers), NO_TURN)
    turns = pool.numbers("work")[1:]
    for one, other in ((1, 2), (1, 3), (2, 3), (3, 2)):
        expect_turns(turns, lanes[one], lanes[other])
    pool.until_all("done", [n for numbers in lanes.values() for n in numbers], NO_DONE)
    pool.quit()


def expect_turns(turns: list[int], one: range, other: range) -> None:
    """Before each job of ``other`` there is at most one of ``one`` since the job before it."""
    run = 0
    for number in turns[: turns.index(other[-1]) + 1]:
        run = 0 if number in other else run + (number in one)
        if run > 1:
            fail(
                "two jobs of one lane were done, and one of another lane waited all the time",
                Diagnosis(
                    "out-of-turn", "lanes take turns: after a job, a lane is behind all others"
                ),
            )


def bounded(attempt: Attempt, build: str) -> None:
    """Each lane has a bound of its own, which counts all that was not given back."""
    pool = Lanes(attempt, 2, 4, build)
    pool.obeyed("held 1 1")
    pool.until_all("work", [1], NO_WORK)
    pool.obeyed("job 2 1", "job 3 1", "job 4 1", "job 5 1", "job 6 2")
    expect_full(pool, 5, "one is at work, and three wait")
    if pool.has("full 6"):
        fail(
            "a lane is refused its first job, since another one has as many as it may",
            Diagnosis("bound-of-all", "each lane may have most_jobs in the pool's hands"),
        )
    pool.until_all("done", [6], NO_DONE)
    pool.obeyed("release 1")
    pool.until_all("done", [1, 2, 3, 4], NO_DONE)
    pool.obeyed("busy", *(f"job {number} 3" for number in (11, 12, 13)), "held 14 3")
    pool.until_all("work", [11, 12, 13, 14], NO_TURN)
    pool.obeyed("job 15 3")
    expect_full(pool, 15, "three have ended and one is at work, and none was given back")
    pool.obeyed("awake", "release 14", "job 16 3")
    if pool.has("full 16"):
        fail("after done, there is no room", Diagnosis("no-room-again", "done makes room"))
    pool.until_all("done", [11, 12, 13, 14, 16], NO_DONE)
    pool.quit()
    room_in_done(attempt, build)


def expect_full(pool: Lanes, number: int, how: str) -> None:
    if not pool.has(f"full {number}"):
        fail(
            f"{how}: most_jobs is 4, and a fifth is taken",
            Diagnosis("no-bound", "most_jobs counts what waits, is at work, or has ended"),
        )


def room_in_done(attempt: Attempt, build: str) -> None:
    """What done was called for counts no more, and no lock is held then."""
    pool = Lanes(attempt, 1, 1, build)
    pool.order("chain 1 1")
    pool.until(
        "done 1",
        "'done 1'",
        NO_DONE,
    )
    pool.obeyed()
    if pool.has("full 2"):
        fail(
            "done submits the lane's next job, and there is no room",
            Diagnosis("no-room-again", "there is room when done is called, not after it"),
        )
    pool.until_all("done", [2], NO_TURN)
    pool.quit()


def dropped(attempt: Attempt, build: str) -> None:
    """What waits is given back before lanes_drop returns; what is at work, when it has ended. Then
    the lane is no longer there.
    """
    pool = Lanes(attempt, 1, 8, build)
    pool.obeyed("held 1 1")
    pool.until_all("work", [1], NO_WORK)
    pool.obeyed("job 2 1", "job 3 1", "job 4 2", "drop 1", "jobs 1")
    expect_dropped(pool, [2, 3], 1)
    if pool.numbers("jobs") != [1]:
        fail(
            f"one job of the lane is at work, and its count is {pool.numbers('jobs')[0]}",
            Diagnosis("wrong-count", "lane->jobs counts what was not given back"),
        )
    pool.obeyed("job 5 1", "leave 1", "release 1")
    pool.until_all("done", [1, 4], NO_TURN)
    pool.obeyed("busy", "job 10 3", "job 11 4")
    pool.until_all("work", [10, 11], NO_TURN)
    pool.rest()
    pool.obeyed("leave 3", "awake")
    pool.until_all("done", [10, 11], NO_DONE)
    if set(pool.numbers("work")) & {2, 3, 5}:
        fail("a job was dropped, and its work was called", _BLAME_DROP)
    pool.obeyed("leave 1", "drop 1", "leave 4")
    pool.quit()


_BLAME_DROP = Diagnosis("dropped-works", "what is dropped is taken out of its lane at once")


def expect_dropped(pool: Lanes, numbers: list[int], lane: int) -> None:
    """They are given back before lanes_drop returns."""
    before = pool.said[: pool.said.index(f"left {lane}")]
    missing = [number for number in numbers if f"dropped {number}" not in before]
    if missing:
        fail(
            f"lanes_drop returns, and job {missing[0]}, which waited, was not given back",
            Diagnosis("not-dropped", "lanes_drop calls done for what waits before it returns"),
        )


def in_the_queue(attempt: Attempt, build: str) -> None:
    """Lanes that wait for a worker leave, from each place in the queue; the others have their
    turns.
    """
    pool = Lanes(attempt, 1, 8, build)
    number = 100
    for leaving in ([2], [3], [4], [2, 3], [4, 3], [2, 3, 4], [4, 3, 2]):
        pool.obeyed(f"held {number} 1")
        pool.until_all("work", [number], NO_TURN)
        jobs = {lane: number + lane for lane in (2, 3, 4, 5)}
        pool.obeyed(*(f"job {jobs[lane]} {lane}" for lane in (2, 3, 4)))
        pool.obeyed(*(f"leave {lane}" for lane in leaving), f"job {jobs[5]} 5")
        stay = [jobs[lane] for lane in jobs if lane not in leaving]
        pool.obeyed(f"release {number}")
        pool.until_all("done", [number, *stay], NO_TURN)
        if set(pool.numbers("work")) & {jobs[lane] for lane in leaving}:
            fail("a job was dropped, and its work was called", _BLAME_DROP)
        number += 10
    pool.quit()


def ends(attempt: Attempt, build: str) -> None:
    """lanes_free waits for what is at work, drops what waits, and takes nothing more."""
    pool = Lanes(attempt, 2, 8, build)
    pool.obeyed("nap 1 1", "nap 4 2")
    pool.until_all("work", [1, 4], ONE_AT_A_TIME)
    pool.obeyed("job 2 1", "job 3 1", "job 5 2", "job 6 3", "chain 7 4")
    pool.quit()
    if {1, 4} - set(pool.numbers("done")):
        fail(
            "lanes_free returns, and what was at work was not given back as done",
            Diagnosis("jobs-lost", "done is called once for each job that was submitted"),
        )
    for number in pool.numbers("dropped"):
        if f"work {number}" in pool.said:
            fail("a job was dropped, and its work was called", _BLAME_DROP)
    if pool.has("dropped 7") and not pool.has("ending 8"):
        fail(
            "while lanes_free is at work, another job is taken",
            Diagnosis("taken-at-the-end", "lanes_submit says ECANCELED then"),
        )


def many(attempt: Attempt) -> None:
    """64 lanes and four workers, who do nothing but take and give: for ThreadSanitizer."""
    pool = Lanes(attempt, 4, 8, "threads")
    pool.order("flood 20000")
    pool.until("flooded 20000", "20,000 jobs to be done", NO_TURN)
    pool.quit()
