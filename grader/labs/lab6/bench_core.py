"""Rows of ``make bench LAB=6`` about the core alone: three servers in one process, where every
message is encoded and decoded, and nothing is written or sent.
"""

from __future__ import annotations

from functools import partial

from grader.bench import Bench, Row, make_row
from grader.load import REPLICATION
from grader.load.sides import OURS, Sides, in_turn, pairs, pinned, progress

LIBRAFT = "canonical/raft, not encoded"
BATCH, SIZE = 256, 32
GOAL = 2_000_000.0  # entries that are committed in a second of CPU time
LINEAR = (
    0.5  # of a ratio that is 1 where costs grow with the number of entries, and 0.1 with its square
)
_TENTH, _SINGLE = "ours, a tenth", "ours, one at a time"


def sides(bench: Bench) -> Sides:
    """To be made before anything is built."""
    files = ("replication_bench.c", "replication_ours.c")
    return Sides(bench, "replication_bench", files, {LIBRAFT: REPLICATION})


def growth(what: str, many: int, per_s: list[float], of_tenth: list[float]) -> Row:
    """What an entry costs among so many, beside one among a tenth of them."""
    taken = [(1e9 / one, 1e9 / other) for one, other in pairs(per_s, of_tenth)]
    name, peer = f"{what}, of {many:,}", f"of {many // 10:,}"
    return make_row(name, "ns", taken, peer, goal=LINEAR, less_is_better=True)


def rows(bench: Bench, sides: Sides) -> list[Row]:
    """Measures all of it. Times are of the CPU: others may run meanwhile."""
    many, rounds = (20_000, 1) if bench.quick else (1_000_000, 7)
    measures = {
        OURS: partial(sides.run, OURS, many, BATCH, SIZE),
        _TENTH: partial(sides.run, OURS, many // 10, BATCH, SIZE),
        _SINGLE: partial(sides.run, OURS, many // 10, 1, SIZE),
        **{peer: partial(sides.run, peer, many, BATCH, SIZE) for peer in sides.peers},
    }
    with pinned(), progress(bench, rounds * len(measures)) as step:
        found = in_turn(measures, rounds, step)
    committed = {name: [figures[0] for figures in rounds] for name, rounds in found.items()}
    restarted = {name: [figures[1] for figures in found[name]] for name in (OURS, _TENTH)}
    memory = [(figures[2], float(SIZE)) for figures in found[OURS]]
    name, unit = f"core: entries committed, {BATCH} at a time", "1/s of CPU time"
    return [
        make_row(name, unit, [(one, GOAL) for one in committed[OURS]], "the goal", goal=1.0),
        *(make_row(name, unit, pairs(committed[OURS], committed[p]), p) for p in sides.peers),
        make_row(name, unit, pairs(committed[OURS], committed[_SINGLE]), "one entry a message"),
        growth("core: an entry to commit", many, committed[OURS], committed[_TENTH]),
        growth("core: an entry to load and apply", many, restarted[OURS], restarted[_TENTH]),
        make_row("core: memory of an entry", "B", memory, "its data", less_is_better=True),
    ]
