"""labs/host/lanes_driver.c around the student's pool: orders in, what happened out."""

from __future__ import annotations

import re
import time

from grader.errors import MachineError
from grader.labs.stage import Attempt
from grader.labs.terminal import Terminal
from grader.run import procinfo
from grader.verdicts import Diagnosis, Hang, StageFailure, fail

_MOMENT_S = 0.05  # for what should not happen; a program that is right passes however long it takes

# What the driver ends with, and what that means.
_BLAMED = {
    b"in the loop's thread": Diagnosis(
        "work-in-loop", "work waits as long as it likes, and the loop's thread never should"
    ),
    b"a second time": Diagnosis("work-twice", "a job is taken out of its lane before it is done"),
    b"another job of its lane": Diagnosis(
        "two-of-a-lane",
        "while a job of a lane is at work, no worker takes the next one of that lane",
    ),
    b"submitted later": Diagnosis(
        "lane-order", "the jobs of a lane are done in the order in which they were submitted"
    ),
    b"in a worker's thread": Diagnosis(
        "done-in-worker", "done touches connections, and these are the loop's thread's"
    ),
    b"is_dropped": Diagnosis(
        "wrong-dropped", "is_dropped says, for each job anew, that its work was never called"
    ),
}


class Lanes:
    """A lanes_driver that is ready for orders. Jobs have numbers that no other has."""

    def __init__(self, attempt: Attempt, workers: int, most_jobs: int, build: str) -> None:
        self.world = attempt.world
        name = f"lanes_driver {workers} {most_jobs}"
        terminal = Terminal(
            attempt, "lanes_driver", str(workers), str(most_jobs), build=build, name=name
        )
        self.program, self._pipe = terminal.program, terminal.keyboard
        self.terminal = terminal
        self.said: list[str] = []
        self._orders = 0
        try:
            self.until("ready 0", "the driver to be ready")
        except StageFailure:
            if b"FATAL: ThreadSanitizer" in self.program.stderr.kept():
                raise MachineError(
                    "ThreadSanitizer does not run here: addresses can't be kept from being "
                    "randomized"
                ) from None
            raise

    def order(self, *orders: str) -> None:
        """Gives orders."""
        self._pipe.send("".join(order + "\n" for order in orders).encode())

    def obeyed(self, *orders: str) -> None:
        """Gives orders, and waits until the loop's thread has carried them out."""
        self._orders += 1
        self.order(*orders, f"say {self._orders}")
        self.until(
            f"say {self._orders}",
            "the loop's thread to take the next order",
            Diagnosis("loop-waits", "the loop's thread waits for a worker, or for a lock"),
        )

    def until(self, line: str, what: str, why: Diagnosis | None = None) -> None:
        """Waits until the driver has said ``line``, now or before; ``why`` is the likely cause if
        it never does.
        """
        try:
            self.world.wait(lambda: self.has(line) or self.program.ended(), what)
        except Hang as hang:
            hang.diagnosis = why
            raise
        if not self.has(line):
            self._ended(what)

    def until_all(self, word: str, numbers: list[int], why: Diagnosis) -> None:
        """``until`` for a line "WORD N" for each of the numbers."""
        for number in numbers:
            self.until(f"{word} {number}", f"'{word} {number}' from {self.program.name}", why)

    def has(self, line: str) -> bool:
        self.said += self._pipe.take_lines()
        return line in self.said

    def never(self, line: str, what: str, why: Diagnosis) -> None:
        """For a moment the driver does not say ``line``, and did not before."""
        if self.world.observe(_MOMENT_S, lambda: self.has(line) or self.program.ended()):
            if not self.has(line):
                self._ended(f"no '{line}'")
            fail(what, why)

    def numbers(self, word: str) -> list[int]:
        """The numbers behind that word, in the order in which they were said."""
        self.has("")
        found = (re.match(rf"{word} ([0-9]{{1,9}})\b", line) for line in self.said)
        return [int(one[1]) for one in found if one]

    def rest(self) -> bool:
        """Waits until all threads sleep, and wake up no more; at most three seconds. Returns
        whether they do.
        """
        awake, asleep = self._wake_ups(), 0
        for _ in range(300):
            self.world.observe(0.01, lambda: False)
            before, awake = awake, self._wake_ups()
            asleep = asleep + 1 if awake == before else 0
            if asleep == 3:
                return True
        return False

    def _wake_ups(self) -> list[int]:
        """How often each thread went to sleep so far; one that runs does not count."""
        threads = procinfo.threads(self.program.pid)
        return [
            -time.monotonic_ns() if procinfo.state(thread) == "R" else procinfo.wake_ups(thread)
            for thread in threads
        ]

    def quit(self) -> None:
        """Frees the pool: each job was given back, and the program ends well."""
        self.order("quit")
        why = Diagnosis(
            "does-not-end", "lanes_free waits for what is at work, and for nothing else"
        )
        try:
            self.world.wait(self.program.ended, "lanes_free to return")
        except Hang as hang:
            hang.diagnosis = why
            raise
        freed = self.numbers("freed")
        if not freed:
            self._ended("lanes_free is at work")
        if freed[0] > 0:
            fail(
                f"lanes_free returns, and {freed[0]} jobs were not given back",
                Diagnosis("jobs-lost", "done is called once for each job that was submitted"),
            )
        self.terminal.expect_status(0, "all jobs were given back")

    def _ended(self, what: str) -> None:
        words = self.program.stderr.kept()
        blamed = (why for text, why in _BLAMED.items() if text in words)
        raise StageFailure(
            f"{self.program.name} {self.program.ending()} where {what} is due",
            diagnosis=next(blamed, Diagnosis("driver-ended", "its own words are below")),
        )
