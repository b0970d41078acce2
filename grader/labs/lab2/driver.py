"""labs/host/loop_driver.c around the student's loop: orders in, what happened out, each with the
grader's own clock.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from grader.labs.stage import Attempt
from grader.labs.terminal import Terminal
from grader.verdicts import Diagnosis, Hang, StageFailure, fail


@dataclass(frozen=True)
class Line:
    """What the driver said, and when the grader had it, in seconds of CLOCK_MONOTONIC."""

    text: str
    at: float


class Driver:
    """A loop_driver that is ready for orders."""

    def __init__(self, attempt: Attempt, backend: str, **more: Any) -> None:
        self.world = attempt.world
        more.setdefault("name", f"loop_driver on {backend}")
        terminal = Terminal(attempt, "loop_driver", backend, **more)
        self.program, self._pipe = terminal.program, terminal.keyboard
        self.lines: list[Line] = []  # what nobody has expected yet
        self._said = 0
        self.expect("ready")

    def order(self, text: str) -> float:
        """Gives an order. Returns the time before it was given."""
        now = time.monotonic()
        self._pipe.send(text.encode() + b"\n")
        return now

    def obeyed(self, text: str) -> tuple[float, float]:
        """Gives an order, and waits until it was carried out: two times that enclose that."""
        began = self.order(text)
        self._said += 1
        self.order(f"say {self._said}")
        return began, self.wait(f"say {self._said}", f"the order '{text}' to be carried out").at

    def wait(self, text: str, what: str = "") -> Line:
        """Waits for a line, and leaves what is said before it."""
        found: list[Line] = []

        def ready() -> bool:
            self.read()
            found[:] = [line for line in self.lines if line.text == text]
            return bool(found) or self.program.ended()

        what = what or f"'{text}' from {self.program.name}"
        try:
            self.world.wait(ready, what)
        except Hang as hang:
            hang.diagnosis = Diagnosis(
                "loop-silent", "the loop does not call back, or does not get to it"
            )
            raise
        if not found:
            self._ended(what)
        self.lines.remove(found[0])
        return found[0]

    def expect(self, text: str) -> Line:
        """The next line is ``text``."""
        return self._next(text, lambda line: line == text)

    def expect_number(self, word: str) -> int:
        """The next line is that word and a number."""
        line = self._next(word, lambda line: bool(re.fullmatch(rf"{word} -?[0-9]{{1,18}}", line)))
        return int(line.text.partition(" ")[2])

    def _next(self, what: str, is_due: Callable[[str], bool]) -> Line:
        self.world.wait(
            lambda: self.read() or self.program.ended(), f"'{what}' from {self.program.name}"
        )
        if not self.lines:
            self._ended(f"'{what}'")
        if not is_due(self.lines[0].text):
            fail(
                f"'{what}' is due from {self.program.name}, and it says '{self.lines[0].text}'",
                Diagnosis("unexpected-callback", "a callback came that should not, or out of turn"),
            )
        return self.lines.pop(0)

    def read(self) -> bool:
        """Takes over the lines that have come. Returns whether any are there."""
        for text in self._pipe.take_lines():
            self.lines.append(Line(text, time.monotonic()))
        return bool(self.lines)

    def _ended(self, what: str) -> None:
        raise StageFailure(
            f"{self.program.name} {self.program.ending()} where {what} is due",
            diagnosis=Diagnosis("driver-ended", "its own words are below"),
        )
