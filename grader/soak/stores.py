"""Real nodes of lab 6 with clients, under random faults. What is judged: the histories of the
clients, what was acknowledged long ago, the bytes between the nodes, and that every node starts
again.

It goes on in rounds: faults come and go, then all heals, and what the clients saw is judged. Each
round has keys of its own.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from grader.cluster.observer import Recorder
from grader.errors import UsageError
from grader.histories.clients import Crowd, Habits
from grader.histories.operation import GET, Operation, Value, shown
from grader.labs.lab6.asking import does
from grader.labs.lab6.store import Store, judge
from grader.labs.stage import Attempt
from grader.report import card
from grader.settings import Settings
from grader.sim import page
from grader.soak.common import attempt_of, number, tell
from grader.soak.faults import Faults
from grader.verdicts import Diagnosis, StageFailure, fail

_SECONDS = 60
_PATIENCE_S = 120.0  # for one round
_OPTIONS = ("--election-timeout", "200-400")  # for a machine that has more to do
_STEPS = (4, 9)  # of a round: a fault comes or goes
_STEP_MS = (20, 700)
_SOME = 3  # operations of each client when all is well again
_KEPT = 400  # of former rounds' values, to be read again
_READ_AGAIN = 20
_REMEMBERED = 5000  # entries, by the witness


@dataclass
class Soak:
    """What came of it so far."""

    rounds: int = 0
    faults: int = 0
    restarts: int = 0
    operations: int = 0
    unknown: int = 0
    undecided: int = 0
    terms: int = 0
    messages: int = 0
    seconds: float = 0.0

    def summary(self) -> str:
        """In one line."""
        line = (
            f"{self.rounds} rounds in {self.seconds:.0f} s, {self.faults} faults, {self.restarts} "
            f"restarts, {self.terms} terms, {self.messages:,} messages, {self.operations:,} "
            f"operations, {self.unknown:,} of unknown outcome"
        )
        return line + (f", {self.undecided} rounds undecided" if self.undecided else "")


class Run:
    """One cluster, through all rounds."""

    def __init__(self, attempt: Attempt, count: int) -> None:
        self.attempt, self.world = attempt, attempt.world
        self.recorder = Recorder(count)
        self.random = attempt.random("soak")
        self.soak = Soak()
        self._kept: dict[bytes, Value | None] = {}
        self.store = Store(attempt, *_OPTIONS, count=count, witness=self.recorder)
        self.faults = Faults(self.store, self.random)

    def rounds(self, seconds: float) -> Iterator[Soak]:
        """For so long; what there is after each of them. Raises StageFailure."""
        soak, began = self.soak, time.monotonic()
        self.store.wait_leader(0, "of nodes that were just started")
        while time.monotonic() - began < seconds:
            round_began = time.monotonic()
            self._round()
            soak.rounds += 1
            soak.faults, soak.restarts = self.faults.count, self.faults.restarts
            soak.messages = self.recorder.messages
            soak.terms = max(self.recorder.leaders)
            soak.seconds = time.monotonic() - began
            self.world.extend(time.monotonic() - round_began)  # as much is left for the next one
            yield soak

    def _round(self) -> None:
        keys = tuple(b"%c-%d" % (name, self.soak.rounds) for name in b"xyz")
        crowd = self.store.crowd(self.random, habits=Habits(keys=keys))
        for _ in range(self.random.between(*_STEPS)):
            self.faults.step()
            self.world.observe(self.random.between(*_STEP_MS) / 1000, lambda: False)
        self.faults.end_all()
        crowd.wait_done(_SOME, "when all run and are connected")
        history = crowd.finish()
        self.attempt.clients.remove(crowd)
        self._judge(history, self._read(crowd, keys))
        self._read_again()
        self.recorder.forget(self.recorder.commit - _REMEMBERED)

    def _read(self, crowd: Crowd, keys: tuple[bytes, ...]) -> list[Operation]:
        """What these keys have at the end of a round."""
        called = crowd.recorder.now()
        values = self._values(keys, "at the end of a round")
        self._kept |= dict(zip(keys, values, strict=True))
        back = crowd.recorder.now()
        return [
            Operation("last", GET, key, value, called, back)
            for key, value in zip(keys, values, strict=True)
        ]

    def _values(self, keys: tuple[bytes, ...], when: str) -> list[Value | None]:
        replies = does(self.store, [[b"GET", key] for key in keys], when)
        words = [
            tuple(word for word in reply if isinstance(word, bytes))
            for reply in replies
            if isinstance(reply, list)
        ]
        if len(words) != len(keys):
            fail(f"GETs of {len(keys)} keys get {replies!r}", Diagnosis("wrong-result", "arrays"))
        return [None if one == (b"nil",) else one for one in words]

    def _judge(self, history: list[Operation], last: list[Operation]) -> None:
        everything = history + last
        self.soak.operations += len(everything)
        self.soak.unknown += sum(one.returned is None for one in everything)
        if not judge(everything, f"round {self.soak.rounds + 1}"):
            self.soak.undecided += 1

    def _read_again(self) -> None:
        """Some keys of former rounds, which nobody writes any more."""
        names = list(self._kept)
        keys = tuple({names[self.random.below(len(names))]: 0 for _ in range(_READ_AGAIN)})
        for key, value in zip(keys, self._values(keys, "of former rounds"), strict=True):
            if value != self._kept[key]:
                fail(
                    f"GET {key.decode()} gets {shown(value)}, and it was {shown(self._kept[key])} "
                    "when it was written last, some rounds ago",
                    Diagnosis("lost-write", "a write that was acknowledged is lost"),
                )
        for key in names[:-_KEPT]:
            del self._kept[key]


def soak(settings: Settings, console: Console) -> int:
    """DURATION= is how many seconds (60), N= how many nodes (3)."""
    seconds = number("DURATION", "seconds") or _SECONDS
    count = number("N", "nodes") or 3
    if count not in (3, 5, 7):
        raise UsageError(f"N={os.environ['N']}: 3, 5 or 7 nodes")
    with attempt_of(settings, "6", _PATIENCE_S) as attempt:
        return _run(attempt, count, seconds, console, settings.out / "traces")


def _run(attempt: Attempt, count: int, seconds: int, console: Console, traces: Path) -> int:
    run = None
    try:
        with _progress(console) as bar:
            shown = bar.add_task("the first election", total=seconds)
            run = Run(attempt, count)
            for done in run.rounds(seconds):
                words = f"round {done.rounds}: {done.faults} faults, {done.operations:,} operations"
                bar.update(shown, completed=min(done.seconds, seconds), description=words)
    except StageFailure as failure:
        tell(failure, attempt, console)
        _keep(failure, attempt, run, traces, console)
        words = run.soak.summary() if run else "it did not begin"
        console.print(f"FAIL, with SEED={attempt.seed}: {words}", soft_wrap=True)
        return 1
    console.print(f"PASS: {run.soak.summary()}", soft_wrap=True)
    return 0


def _progress(console: Console) -> Progress:
    columns = (BarColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    return Progress(TextColumn("soak"), *columns, console=console)


def _keep(
    failure: StageFailure, attempt: Attempt, run: Run | None, traces: Path, console: Console
) -> None:
    """All that was seen, and the latest messages as a page."""
    traces.mkdir(parents=True, exist_ok=True)
    card.write_trace(traces / "soak.jsonl", attempt, failure)
    console.print(f"all that was seen: {traces / 'soak.jsonl'}", markup=False, soft_wrap=True)
    if run is not None:
        about = {"summary": failure.summary, "verdict": failure.verdict, "seed": attempt.seed}
        page.write(traces / "soak.html", run.recorder.recording.run(), **about)
        words = f"the latest messages, to step through: {traces / 'soak.html'}"
        console.print(words, markup=False, soft_wrap=True)
