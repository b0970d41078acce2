"""What both soaks need: numbers from the environment, nodes to run, words for a failure."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

from grader.cli import builder_for, lab_named, sandbox
from grader.errors import UsageError
from grader.labs.stage import Attempt, Stage
from grader.report import card, transcript
from grader.run.world import World
from grader.settings import Settings
from grader.verdicts import StageFailure

MOST = 1_000_000
_SHOWN = 40  # events before a failure


def number(name: str, unit: str) -> int | None:
    """Of the environment; None where nothing is said. Raises UsageError."""
    text = os.environ.get(name) or ""
    if text and (not (text.isascii() and text.isdigit()) or not 0 < int(text) <= MOST):
        raise UsageError(f"{name}={text}: a number of {unit}, such as 50")
    return int(text) if text else None


@contextmanager
def attempt_of(settings: Settings, lab_number: str, patience_s: float) -> Iterator[Attempt]:
    """The programs of that lab, built and ready to be started."""
    with sandbox(settings) as (made, compiler):
        lab = lab_named(lab_number)
        builder = builder_for(lab, settings, made, compiler)
        stage = Stage(f"{lab.number}.0", "the soak", 0, "")
        attempt = Attempt(stage, settings.seed, made, builder, World(patience_s))
        try:
            yield attempt
        finally:
            attempt.close()


def tell(failure: StageFailure, attempt: Attempt, console: Console) -> None:
    """What went before, and what was seen."""
    card.sharpen(failure, attempt)
    for event in attempt.world.events[-_SHOWN:]:
        console.print(f"{event.at:10.3f} s  {transcript.describe(event)}", markup=False)
    console.print(f"{failure.verdict}: {failure.summary}", markup=False)
    if failure.diagnosis is not None:
        console.print(failure.diagnosis.text, markup=False)
    if failure.output:
        console.print(failure.output, markup=False, soft_wrap=True)
