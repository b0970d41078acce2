"""``make bench LAB=n``: a lab's program beside peers, measured in one run; a table and
OUT/bench-labN.json.

A benchmark is no test: nothing fails on a time.
"""

from __future__ import annotations

import importlib
import json
import statistics
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

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
    ratio = statistics.median(mine / other for mine, other in pairs)
    mine, other = (statistics.median(figures) for figures in zip(*pairs, strict=True))
    met = None if goal is None else ratio >= goal
    return Row(name, unit, round(mine, 3), round(other, 3), peer_name, round(ratio, 3), goal, met)


def show(lab: str, rows: list[Row], out: Path, console: Console) -> None:
    """Prints the table, and writes the file."""
    table = Table(title=f"Lab {lab}")
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
    console.print(table)
    path = out / f"bench-lab{lab}.json"
    path.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n", encoding="utf-8")
    console.print(str(path), markup=False, highlight=False, soft_wrap=True)


def measure(lab: int, start: Callable[[str], int]) -> list[Row]:
    """The rows of a lab; ``start`` runs a program of it and returns its port."""
    rows: list[Row] = importlib.import_module(f"grader.labs.lab{lab}.bench").rows(start)
    return rows
