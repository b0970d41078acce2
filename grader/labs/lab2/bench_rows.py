"""What lab 2's benchmark found, as rows and as tables."""

from __future__ import annotations

import itertools
import re
import statistics
from collections.abc import Iterator
from dataclasses import dataclass, field

from rich import box
from rich.table import Table

from grader.bench import Row, make_row
from grader.load import Figures

ONE, TWO = "one core", "two cores"
OURS, SELECT, BARE = "epoll", "select", "bare epoll"
LIBEVENT, LIBUV = "libevent", "libuv"
TUNED = "libuv, malloc trims nothing"

# Where the goals hold: one core, 50 connections, depth 1.
GOALS = {LIBEVENT: 1.15, LIBUV: 1.35, BARE: 0.95}
IDLE_BYTES = 8192


@dataclass(frozen=True)
class Setting:
    """What the generator does, and on how many cores."""

    cores: str
    connections: int
    depth: int
    idle: int = 0

    def __str__(self) -> str:
        count = f"{self.connections:,} connection{'s' if self.connections > 1 else ''}"
        idle = f" among {self.idle:,} idle" if self.idle else ""
        return f"{count}{idle}, depth {self.depth}, {self.cores}"


# The rounds of one setting, each with the figures of all sides.
Rounds = list[dict[str, Figures]]


@dataclass
class Measured:
    """All that a run measures."""

    echoes: dict[Setting, Rounds] = field(default_factory=dict)
    idle: dict[Setting, Rounds] = field(default_factory=dict)
    memory: dict[str, float] = field(default_factory=dict)  # bytes a connection
    goal: tuple[Setting, Rounds] | None = None


def _pairs(rounds: Rounds, peer: str, what: str) -> list[tuple[float, float]]:
    return [(getattr(r[OURS], what), getattr(r[peer], what)) for r in rounds]


def _echo_rows(setting: Setting, rounds: Rounds) -> Iterator[Row]:
    peers = [name for name in rounds[0] if name != OURS]
    for peer in peers:
        yield make_row(f"echoes, {setting}", "1/s", _pairs(rounds, peer, "requests_per_s"), peer)
    for what in ("p50", "p99"):
        for peer in peers:
            pairs = _pairs(rounds, peer, f"{what}_us")
            yield make_row(f"{what}, {setting}", "us", pairs, peer, less_is_better=True)


def _goal_rows(setting: Setting, rounds: Rounds) -> Iterator[Row]:
    """The figures with goals; and what the server costs without the generator beside it."""
    for peer in (LIBEVENT, LIBUV, TUNED, BARE):
        if peer in rounds[0]:
            pairs = _pairs(rounds, peer, "requests_per_s")
            yield make_row(f"goal: echoes, {setting}", "1/s", pairs, peer, goal=GOALS.get(peer))
    for peer in (LIBEVENT, LIBUV, TUNED, BARE):
        if peer in rounds[0]:
            costs = [(_server_us(r[OURS]), _server_us(r[peer])) for r in rounds]
            yield make_row(
                f"CPU of the server, {setting}", "us/echo", costs, peer, less_is_better=True
            )


def _server_us(figures: Figures) -> float:
    return figures.server_cpu_s / figures.requests * 1e6


def _idle_rows(idle: dict[Setting, Rounds]) -> Iterator[Row]:
    """Epoll and select among the same idle connections; then epoll among the most that there are,
    and select among the most that it can watch.
    """
    what = "requests_per_s"
    for active in sorted({setting.connections for setting in idle}):
        some = {s: rounds for s, rounds in idle.items() if s.connections == active}
        for setting, rounds in some.items():
            if SELECT in rounds[0]:
                yield make_row(
                    f"idle: echoes, {setting}", "1/s", _pairs(rounds, SELECT, what), SELECT
                )
        most, limit = max(some, key=lambda s: s.idle), _limit_of_select(some)
        if most != limit:
            pairs = [
                (mine[OURS].requests_per_s, other[SELECT].requests_per_s)
                for mine, other in zip(some[most], some[limit], strict=False)
            ]
            yield make_row(f"idle: echoes, {most}", "1/s", pairs, f"{SELECT} among {limit.idle:,}")


def _limit_of_select(idle: dict[Setting, Rounds]) -> Setting:
    return max((s for s, rounds in idle.items() if SELECT in rounds[0]), key=lambda s: s.idle)


def _memory_rows(memory: dict[str, float]) -> Iterator[Row]:
    name, mine = "memory of an idle connection", memory[OURS]
    for peer, size in {"the bound": float(IDLE_BYTES), **memory}.items():
        if peer != OURS:
            goal = 1.0 if peer == "the bound" else None
            pairs = [(max(mine, 1.0), size)]
            yield make_row(name, "bytes", pairs, peer, goal=goal, less_is_better=True)


def rows_of(found: Measured) -> list[Row]:
    """All rows, those with a goal first."""
    assert found.goal is not None
    rows = [*_goal_rows(*found.goal), *_memory_rows(found.memory), *_idle_rows(found.idle)]
    for setting, rounds in found.echoes.items():
        rows += _echo_rows(setting, rounds)
    return rows


# --- what is shown ---


def spread(found: Measured, cores: str) -> float:
    """How far the rounds' ratios lie from their medians, in percent: the median over all rows."""
    away: list[float] = []
    for setting, rounds in [*found.echoes.items(), *([found.goal] if found.goal else [])]:
        for peer in rounds[0] if setting.cores == cores and len(rounds) > 2 else ():
            ratios = [a / b for a, b in _pairs(rounds, peer, "requests_per_s")]
            middle = statistics.median(ratios)
            if peer != OURS:
                away.append(statistics.median(abs(ratio / middle - 1) for ratio in ratios))
    return 100 * statistics.median(away) if away else 0.0


def others(found: Measured) -> float:
    """What other processes had of the one core, in percent of the time."""
    assert found.goal is not None
    runs = [
        figures
        for setting, rounds in [found.goal, *found.echoes.items(), *found.idle.items()]
        for sides in (rounds if setting.cores == ONE else ())
        for figures in sides.values()
    ]
    return 100 * statistics.mean(run.lost for run in runs)


_MATRICES = {
    "echoes": "Requests a second, by connections and depth: epoll over each",
    "p99": "99th percentile of the latency in us: each over epoll",
}


def _matrix_of(row: Row) -> str:
    return row.name.partition(", ")[0]


def tables(rows: list[Row]) -> list[Table]:
    """The rows with goals and their like one by one; of the others, matrices."""
    single = [row for row in rows if _matrix_of(row) not in (*_MATRICES, "p50")]
    return [_single(single), *(_matrix(*item, rows) for item in _MATRICES.items())]


def _table(title: str, headings: tuple[str, ...]) -> Table:
    table = Table(title=title, box=box.SIMPLE_HEAD, pad_edge=False, title_justify="left")
    for heading in headings:
        table.add_column(heading, justify="right" if heading else "left")
    return table


def _single(rows: list[Row]) -> Table:
    """Under each name, a line a peer."""
    table = _table(
        "Lab 2: goals, and idle connections (depth 1, one core)",
        ("", "ours", "peer", "ratio", "goal"),
    )
    for name, group in itertools.groupby(rows, lambda row: f"{row.name}, {row.unit}"):
        table.add_row(name.replace(f", depth 1, {ONE}", "").removeprefix("idle: "))
        for row in group:
            goal = "" if row.goal is None else f"{row.goal:g} {'met' if row.met else 'not met'}"
            figures = f"{row.ours:,.1f}", f"{row.peer:,.1f}", f"{row.ratio:.2f}", goal
            table.add_row(f"    {row.peer_name}", *figures)
    return table


def _matrix(what: str, title: str, rows: list[Row]) -> Table:
    """A line a setting, a column a peer: the ratios on one core, and below those on two."""
    chosen = [row for row in rows if _matrix_of(row) == what]
    peers = list(dict.fromkeys(row.peer_name for row in chosen))
    names = list(dict.fromkeys(row.name for row in chosen))
    table = _table(title, ("", OURS, *peers))
    for name in sorted(names, key=lambda name: names.index(name.replace(TWO, ONE))):
        here = {row.peer_name: row for row in chosen if row.name == name}
        ratios = [f"{here[peer].ratio:.2f}" if peer in here else "" for peer in peers]
        label = name.partition(", ")[2].removesuffix(f", {ONE}")
        label = re.sub(" connections?", "", label)
        label = f"    on {TWO}" if label.endswith(TWO) else label
        table.add_row(label, f"{next(iter(here.values())).ours:,.0f}", *ratios)
    return table
