"""The event loop of one stage: every socket and pipe of it, one deadline, no sleeps and no threads.

All of the grader's clients, and the output of the programs under test, are served whenever the
stage waits for anything. So a stage never deadlocks a correct program that blocks until somebody
reads.
"""

from __future__ import annotations

import os
import selectors
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from grader.run import procinfo
from grader.verdicts import Hang, fail


class Source(Protocol):
    """Something with a descriptor that can become readable or writable."""

    def fileno(self) -> int: ...


SHOWN = 48  # bytes of data that an event keeps
_SHORTEST_S = 0.0005  # between two looks at what has no event
_MOST_EVENTS = 20_000  # of more, some in the middle are forgotten
_MOST_PATIENCE = 4  # times that a deadline is put off for programs without a processor


@dataclass(frozen=True)
class Event:
    """Something that the grader did or saw, ``at`` seconds after the stage began; ``data`` holds
    the first of ``size`` bytes. ``told`` says in words what they are, where that is known.
    ``pulse`` is the name of what comes again and again, such as heartbeats, and tells nothing new.
    """

    at: float
    who: str
    what: str
    data: bytes
    size: int
    told: str = ""
    pulse: str = ""


def _growing(longest: float) -> Iterator[float]:
    """Pauses between two looks at what has no event, each half as long again as the last: what
    takes no time is seen at once, and what takes long costs little.
    """
    pause = min(_SHORTEST_S, longest)
    while True:
        yield pause
        pause = min(pause * 1.5, longest)


class World:
    """Waits for events under one deadline, ``seconds`` from now (None: for ever, as in a
    debugger).

    The deadline is put off by what the machine did not give: by the time in which the grader itself
    stood still; once, by up to ``seconds``, by that in which processors were fought over; and as
    long as a program has none, by ``seconds``, a few times.
    """

    CHECK_EVERY_S = 0.05
    _STALL_S = 0.5  # longer than select() was asked to wait
    _WORTH_IT = 0.05  # of the deadline

    def __init__(self, seconds: float | None) -> None:
        self._selector = selectors.DefaultSelector()
        self._end = None if seconds is None else time.monotonic() + seconds
        self._started = time.monotonic()
        self._put_off = 0.0
        self._checks: list[Callable[[], None]] = []
        self._pressure_s = procinfo.pressure_seconds()
        self._is_patient, self._more_patience = True, _MOST_PATIENCE
        self._excuses: list[Callable[[], bool]] = []
        self._next_check = 0.0
        self.seconds = seconds
        self.events: list[Event] = []

    def log(self, who: str, what: str, data: bytes = b"", told: str = "", pulse: str = "") -> None:
        """Notes an event of the stage for its transcript."""
        if len(self.events) > _MOST_EVENTS:
            del self.events[_MOST_EVENTS // 2 : _MOST_EVENTS // 2 + 1000]
        at, shown = round(self.elapsed(), 6), data[:SHOWN]
        self.events.append(Event(at, who, what, shown, len(data), told, pulse))

    def elapsed(self) -> float:
        """Seconds since the stage began."""
        return time.monotonic() - self._started

    def extend(self, seconds: float) -> None:
        """Puts the deadline off."""
        self._put_off += seconds
        if self._end is not None:
            self._end += seconds

    def used(self) -> float:
        """Seconds of the deadline that are gone: without those that it was put off by."""
        return max(0.0, self.elapsed() - self._put_off)

    def watch(self, source: Source, events: int, on_event: Callable[[int], None]) -> None:
        """Calls ``on_event`` with the ready events (selectors.EVENT_*); 0 for ``events`` stops
        that.
        """
        known = source.fileno() in self._selector.get_map()
        if events == 0:
            if known:
                self._selector.unregister(source)
        elif known:
            self._selector.modify(source, events, on_event)
        else:
            self._selector.register(source, events, on_event)

    def check(self, test: Callable[[], None]) -> None:
        """Calls ``test`` about every 50 ms while the stage waits; it raises StageFailure to end the
        stage.
        """
        self._checks.append(test)

    def excuse(self, is_starved: Callable[[], bool]) -> None:
        """Asks at the deadline whether a program had a processor since that was asked last."""
        self._excuses.append(is_starved)

    def bound_memory(self, most: int) -> None:
        """Ends the stage once so many bytes more than now are held here of what programs send."""
        before = procinfo.resident_bytes(os.getpid())

        def test() -> None:
            held = procinfo.resident_bytes(os.getpid()) - before
            if held > most:
                fail(f"the program sent so much that {held >> 20} MiB of it are held here")

        self.check(test)

    def uncheck(self, test: Callable[[], None]) -> None:
        """Calls ``test`` no more."""
        if test in self._checks:
            self._checks.remove(test)

    def turn(self, seconds: float) -> None:
        """Serves what is ready; waits at most ``seconds`` for something to be."""
        seconds = max(0.0, seconds)
        awake_at = time.monotonic() + seconds
        ready = self._selector.select(seconds)
        late = time.monotonic() - awake_at
        if late > self._STALL_S:
            self.log("the machine", f"stood still for {late:.1f} s, which do not count")
            self.extend(late)
        for key, events in ready:
            key.data(events)
        if time.monotonic() >= self._next_check:
            self._next_check = time.monotonic() + self.CHECK_EVERY_S
            for test in list(self._checks):
                test()

    def wait(
        self, ready: Callable[[], bool], waiting_for: str, every: float = CHECK_EVERY_S
    ) -> None:
        """Serves events until ``ready()``, which is asked after each event and ``every`` so many
        seconds, more often at first; raises Hang, naming what was waited for, when the deadline
        passes.
        """
        pauses = _growing(every)
        while not ready():
            self.turn(min(self._left(waiting_for), next(pauses)))

    def look(self, waiting_for: str) -> None:
        """Serves what is ready, and raises Hang when the deadline has passed: for a stage that does
        not wait in turns of its own.
        """
        self.turn(0)
        self._left(waiting_for)

    def _left(self, waiting_for: str) -> float:
        """Seconds until the deadline; raises Hang once it has passed."""
        if self._end is None:
            return self.CHECK_EVERY_S
        if time.monotonic() >= self._end and self._is_patient:
            self._is_patient = False
            seconds = self.seconds or 0.0
            more = min(seconds, procinfo.pressure_seconds() - self._pressure_s)
            if more > seconds * self._WORTH_IT:
                self.log("the machine", f"was busy: {more:.1f} s more are allowed")
                self.extend(more)
        if time.monotonic() >= self._end and self._more_patience > 0 and self._is_starved():
            self._more_patience -= 1
            self.log("the machine", f"gave no processor: {self.seconds} s more are allowed")
            self.extend(self.seconds or 0.0)
        left = self._end - time.monotonic()
        if left <= 0:
            raise Hang(waiting_for, self.seconds or 0)
        return left

    def _is_starved(self) -> bool:
        """All are asked, so that each looks at the same time."""
        answers = [is_starved() for is_starved in self._excuses]
        return any(answers)

    def observe(self, seconds: float, until: Callable[[], bool]) -> bool:
        """Serves events for ``seconds`` of wall-clock time, or until ``until()``; returns what it
        last was.

        For what has no event: that a program stays idle. A stage that observes must be right
        however slow the machine is.
        """
        end = time.monotonic() + seconds
        pauses = _growing(0.02)
        while not until() and time.monotonic() < end:
            self.turn(min(next(pauses), end - time.monotonic()))
        return until()

    def close(self) -> None:
        self._selector.close()
