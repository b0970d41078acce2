"""Three real nodes of lab 5, whose leader is killed again and again and comes back. What is judged
is the bytes between the nodes, as in stage 5.19.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from grader.labs.lab5.trio import Trio
from grader.labs.stage import Attempt
from grader.settings import Settings
from grader.soak.common import MOST, attempt_of, number, tell
from grader.verdicts import StageFailure

_KILLS = 50
_PATIENCE_S = 30.0  # for one kill, until all run again and agree


@dataclass
class Soak:
    """What came of it. Times are seconds without a leader, one for each kill."""

    kills: int = 0
    terms: int = 0
    messages: int = 0
    seconds: float = 0.0
    without: list[float] = field(default_factory=list)

    def summary(self) -> str:
        """In one line."""
        line = (
            f"{self.kills} kills in {self.seconds:.1f} s, {self.terms} terms, "
            f"{self.messages:,} messages between the nodes"
        )
        if not self.without:
            return line
        return (
            f"{line}; without a leader for {1000 * statistics.median(self.without):.0f} ms in the "
            f"median, {1000 * max(self.without):.0f} ms at the longest"
        )


def run(trio: Trio, kills: int, seconds: float | None) -> Iterator[Soak]:
    """Kills the leader that often, or for so many seconds; what there is so far, after each kill.
    Raises StageFailure.
    """
    world, soak, began = trio.world, Soak(), time.monotonic()
    trio.wait_leader(0, "of three nodes that were just started")
    trio.agree("after the first election")
    while soak.kills < kills and (seconds is None or time.monotonic() - began < seconds):
        round_began = time.monotonic()
        term, leader = trio.wait_leader(0, "of three")
        trio.kill(leader)
        killed = time.monotonic()
        trio.wait_leader(term, f"after kill {soak.kills + 1}, of node {leader}")
        soak.without.append(time.monotonic() - killed)
        trio.start(leader)
        trio.agree(f"when node {leader} is back after kill {soak.kills + 1}")
        soak.kills += 1
        soak.messages = trio.witness.messages
        soak.terms = max(trio.witness.leaders)
        soak.seconds = time.monotonic() - began
        world.extend(time.monotonic() - round_began)  # as much is left for the next one
        yield soak


def soak(settings: Settings, console: Console) -> int:
    """KILLS= is how often (default: 50), DURATION= ends it after so many seconds."""
    duration = number("DURATION", "seconds")
    kills = number("KILLS", "kills") or (MOST if duration else _KILLS)
    with attempt_of(settings, "5", _PATIENCE_S) as attempt:
        return _judge(attempt, kills, duration, console)


def _judge(attempt: Attempt, kills: int, duration: int | None, console: Console) -> int:
    done = Soak()
    try:
        with _progress(console) as bar:
            shown = bar.add_task("the first election", total=kills if kills < MOST else None)
            for done in run(Trio(attempt), kills, duration):
                words = f"without a leader for {1000 * done.without[-1]:.0f} ms"
                bar.update(shown, completed=done.kills, description=words)
    except StageFailure as failure:
        tell(failure, attempt, console)
        console.print(f"FAIL: {done.summary()}")
        return 1
    console.print(f"PASS: {done.summary()}")
    return 0


def _progress(console: Console) -> Progress:
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(
        TextColumn("kills"), *columns, TextColumn("{task.description}"), console=console
    )
