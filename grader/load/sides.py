"""Sides of a benchmark that takes turns: small programs, each around one parser or codec. Ours is
built from the student's modules by the builder; the peers are trusted code. All run in the sandbox.
"""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from grader import load
from grader.bench import Bench
from grader.errors import MachineError
from grader.labs.stage import Attempt
from grader.load import Source
from grader.report import escape
from grader.run.build import Builder
from grader.run.world import World
from grader.verdicts import fail

OURS = "ours"
T = TypeVar("T")

# Far above what one run takes; a parser that goes round and round ends there.
_SECONDS = 300


def add_program(builder: Builder, name: str, *files: str) -> None:
    """Has the builder make a program of the C files of this folder, NAME.c among them, or of
    labs/host, around the modules of the lab, by the rule for given ones. Comes before anything is
    built.
    """
    ours = {path.name: path for path in load.HERE.glob("*.[ch]")}
    given = [file for file in ours if file in files or file.endswith(".h")]
    builder.files |= {f"host/{file}": ours[file].read_bytes() for file in given}
    words, lab = " ".join(f"host/{file}" for file in files), builder.labs[-1]
    listed = f"\ngiven_{lab} := {name}\n"  # make has read the others' lines by then
    rule = f"$(eval $(call program,{lab},{name},{words}))\n"
    builder.files["lab.mk"] += (listed + rule).encode()


@contextmanager
def fresh(attempt: Attempt) -> Iterator[Attempt]:
    """A world for programs that end with it."""
    made = replace(attempt, world=World(_SECONDS), programs=[], clients=[])
    try:
        yield made
    finally:
        made.close()


@contextmanager
def pinned() -> Iterator[None]:
    """All programs that start within have one processor, and the same."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@dataclass
class Sides:
    """``program`` is ours, from ``files``: see add_program. ``peers`` become those that can be
    built here.
    """

    bench: Bench
    program: str
    files: tuple[str, ...]
    peers: dict[str, Source] = field(default_factory=dict)

    def __post_init__(self) -> None:
        add_program(self.bench.attempt.builder, self.program, *self.files)
        self.peers = {name: peer for name, peer in self.peers.items() if self._install(name, peer)}

    def _install(self, name: str, source: Source) -> bool:
        builder = self.bench.attempt.builder
        built = load.compiled(source, builder.cache, builder.compiler)
        if built is None:
            noun = "packages" if " " in source.package else "package"
            are = "are" if " " in source.package else "is"
            self.bench.say(f"no rows for {name}: the Debian {noun} {source.package} {are} missing")
            return False
        load.install(source, built, self.bench.attempt.sandbox.folder)
        return True

    def run(self, name: str, *words: object, **more: Any) -> list[float]:
        """The figures that one run of a side prints; ``more`` is as Attempt.start has it."""
        program = self.program if name == OURS else self.peers[name].name
        build = "plain" if name == OURS else "peer"
        with fresh(self.bench.attempt) as attempt:
            started = attempt.start(program, *map(str, words), build=build, **more)
            status = started.wait_end()
            if status == 0:
                return [float(word) for word in started.stdout.kept().split()]
            said = escape.one_line(started.stderr.kept().strip(), 300)
            ending = f"{program} {started.ending()}: {said or 'it said nothing'}"
        if name == OURS:
            fail(ending)
        raise MachineError(ending)


@contextmanager
def progress(bench: Bench, total: int) -> Iterator[Callable[[str], None]]:
    """Shows how far a benchmark of ``total`` runs got. Told what runs next, it goes on by one."""
    columns = (BarColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=bench.console, transient=True) as shown:
        task: TaskID = shown.add_task("", total=total)
        started = 0

        def step(what: str) -> None:
            nonlocal started
            shown.update(task, description=what, completed=started)
            started += 1

        yield step


def in_turn(
    measures: Mapping[str, Callable[[], T]], rounds: int, step: Callable[[str], None]
) -> dict[str, list[T]]:
    """What each measure found in each round. All take turns, so that a machine that changes its
    speed changes all.
    """
    found: dict[str, list[T]] = {name: [] for name in measures}
    for _ in range(rounds):
        for name, measure in measures.items():
            step(name)
            found[name].append(measure())
    return found


def pairs(ours: list[float], peer: list[float]) -> list[tuple[float, float]]:
    """Round by round."""
    return list(zip(ours, peer, strict=True))


def median_pair(ours: list[float], peer: list[float]) -> list[tuple[float, float]]:
    """For a peer that was not measured in each round."""
    return [(statistics.median(ours), statistics.median(peer))]
