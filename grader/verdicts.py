"""Verdicts, and the failures that stages raise."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NoReturn

from grader.wire.diff import Difference

if TYPE_CHECKING:
    from grader.sim.run import Run


class Verdict(StrEnum):
    """What became of a stage."""

    PASS = "PASS"
    WRONG = "WRONG"  # it runs, and does the wrong thing
    CRASH = "CRASH"  # ended by a signal
    HANG = "HANG"  # alive, and nothing came before the deadline
    SANITIZER = "SANITIZER"  # AddressSanitizer, UBSan or ThreadSanitizer found an error
    BUILD = "BUILD"  # does not compile
    SKIPPED = "SKIPPED"  # behind a failed stage, or an extension that was not attempted
    GRADER_ERROR = "GRADER-ERROR"  # proven to be the grader's or the machine's; never scored


@dataclass(frozen=True)
class Diagnosis:
    """A likely cause: ``id`` names it for hints and tests, ``text`` says what the bytes or the
    process show.
    """

    id: str
    text: str


class StageFailure(Exception):
    """A stage found a rule broken.

    ``summary`` is one sentence about what was seen; ``difference`` the bytes, where bytes are at
    fault; ``output`` the compiler's or sanitizer's own words; ``run`` what led to it in simulated
    servers. ``verdict`` may be sharpened afterwards, when the process turns out to have crashed.
    """

    def __init__(
        self,
        summary: str,
        *,
        verdict: Verdict = Verdict.WRONG,
        difference: Difference | None = None,
        diagnosis: Diagnosis | None = None,
        output: str = "",
        run: Run | None = None,
    ) -> None:
        super().__init__(summary)
        self.summary = summary
        self.verdict = verdict
        self.difference = difference
        self.diagnosis = diagnosis
        self.output = output
        self.run = run


class Hang(StageFailure):
    """The deadline passed while the stage waited for something."""

    def __init__(self, waiting_for: str, seconds: float) -> None:
        super().__init__(f"waited {seconds:g} s for {waiting_for}, in vain", verdict=Verdict.HANG)


class NotAttempted(Exception):
    """An extension stage whose program is still the starter's."""


def fail(summary: str, diagnosis: Diagnosis | None = None) -> NoReturn:
    """Ends the stage as WRONG."""
    raise StageFailure(summary, diagnosis=diagnosis)
