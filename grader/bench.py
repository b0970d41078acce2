"""``make bench LAB=n``: a lab's program, or class mode, beside peers, measured in one run; a table
and OUT/bench-labN.json.

A benchmark is no test: nothing fails on a time.
"""

from __future__ import annotations

import importlib
import itertools
import json
import shlex
import statistics
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from grader.errors import UsageError
from grader.labs.server import Server
from grader.labs.stage import Attempt

ROUNDS = 5


@dataclass(frozen=True)
class Row:
    """One comparison. ``ratio`` is above 1 where ours is better; ``goal`` is the ratio to reach, or
    None.
    """

    name: str
    unit: str
    ours: float
    peer: float
    peer_name: str
    ratio: float
    goal: float | None = None
    met: bool | None = None


def compare(
    name: str,
    unit: str,
    ours: Callable[[], float],
    peer: Callable[[], float],
    peer_name: str,
    *,
    goal: float | None = None,
) -> Row:
    """Runs the two in turn, five times after one warm-up, so that a machine that changes its speed
    changes both; medians, and the median of the ratios pair by pair. A larger figure is a better
    one.
    """
    ours(), peer()
    pairs = [(ours(), peer()) for _ in range(ROUNDS)]
    return make_row(name, unit, pairs, peer_name, goal=goal)


def make_row(
    name: str,
    unit: str,
    pairs: list[tuple[float, float]],
    peer_name: str,
    *,
    goal: float | None = None,
    less_is_better: bool = False,
) -> Row:
    """A row of the rounds' figures, ours and the peer's: medians, and the median of the ratios
    pair by pair.
    """
    ratios = [other / mine if less_is_better else mine / other for mine, other in pairs]
    ratio = statistics.median(ratios)
    mine, other = (statistics.median(figures) for figures in zip(*pairs, strict=True))
    met = None if goal is None else ratio >= goal
    return Row(name, unit, round(mine, 3), round(other, 3), peer_name, round(ratio, 3), goal, met)


def plain_table(title: str, rows: list[Row]) -> Table:
    """A line a row."""
    table = Table(title=title)
    for heading in ("what", "unit", "ours", "peer", "", "ratio", "goal"):
        table.add_column(heading, justify="left" if heading in ("what", "unit", "") else "right")
    for row in rows:
        goal = "" if row.goal is None else f"{row.goal:g} {'met' if row.met else 'not met'}"
        table.add_row(
            row.name,
            row.unit,
            f"{row.ours:,.1f}",
            f"{row.peer:,.1f}",
            row.peer_name,
            f"{row.ratio:.2f}",
            goal,
        )
    return table


def grouped_table(title: str, rows: list[Row]) -> Table:
    """Under each name, a line a peer: narrower where a figure has several."""
    table = Table(
        title=title,
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
        title_justify="left",
    )
    for heading in ("", "ours", "peer", "ratio", "goal"):
        table.add_column(heading, justify="right" if heading else "left")
    for name, group in itertools.groupby(rows, lambda row: f"{row.name}, {row.unit}"):
        table.add_row(name)
        for row in group:
            goal = "" if row.goal is None else f"{row.goal:g} {'met' if row.met else 'not met'}"
            figures = f"{row.ours:,.1f}", f"{row.peer:,.1f}", f"{row.ratio:.2f}", goal
            table.add_row(f"    {row.peer_name}", *figures)
    return table


def show(lab: str, rows: list[Row], out: Path, console: Console) -> None:
    """Prints the lab's own tables, or all rows in one, and writes the file."""
    tables = getattr(_module(lab), "tables", None)
    for table in tables(rows) if tables else [plain_table(f"Lab {lab}", rows)]:
        console.print(table)
    path = out / f"bench-lab{lab}.json"
    path.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n", encoding="utf-8")
    console.print(str(path), markup=False, highlight=False, soft_wrap=True)


def _module(lab: str) -> ModuleType:
    """A lab's own: ``rows``, and ``tables`` where a plain one would be too long."""
    name = "grader.classroom.bench" if lab == "class" else f"grader.labs.lab{lab}.bench"
    return importlib.import_module(name)


@dataclass(frozen=True)
class Bench:
    """What a lab's benchmark gets to work with. ``quick`` asks for few and short rounds,
    ``handout`` for the plots in the folder of the handout's figures too.
    """

    attempt: Attempt
    console: Console
    out: Path
    quick: bool = False
    handout: bool = False

    def start(self, program: str, *args: str, build: str = "plain", **more: Any) -> Server:
        """Starts a server, optimized and without sanitizers."""
        return Server(self.attempt, program, *args, build=build, **more)

    def say(self, words: str) -> None:
        self.console.print(words, markup=False, highlight=False)


def options(words: str) -> dict[str, bool]:
    """ARGS of ``make bench``: ``--quick``, ``--handout``. Raises UsageError for any other."""
    known = {"--quick": "quick", "--handout": "handout"}
    for word in shlex.split(words):
        if word not in known:
            raise UsageError(f"ARGS={word}: make bench knows {' and '.join(known)}")
    return {known[word]: True for word in shlex.split(words)}


def measure(lab: int, bench: Bench) -> list[Row]:
    """The rows of a lab."""
    rows: list[Row] = _module(str(lab)).rows(bench)
    return rows
