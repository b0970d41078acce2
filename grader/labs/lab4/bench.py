"""Lab 4's benchmark: the codec beside protobuf-c, msgpack-c, and fields copied one by one."""

from __future__ import annotations

from functools import partial

from rich.table import Table

from grader.bench import Bench, Row, grouped_table, make_row
from grader.load import MEMCPY, MSGPACK, PROTOBUF
from grader.load.sides import OURS, Sides, in_turn, pairs, pinned, progress

__all__ = ["rows", "tables"]

COUNTS = (0, 1, 100)  # entries of 100 bytes
PEERS = {"protobuf-c": PROTOBUF, "msgpack-c": MSGPACK, "plain memcpy": MEMCPY}

# Of encode and decode together.
GOALS = {"protobuf-c": 10.0, "plain memcpy": 0.5}
BOTH = "encode + decode"


def _costs(found: list[list[float]]) -> dict[str, list[float]]:
    """Of each round, by what was done."""
    encode, decode = (list(costs) for costs in zip(*found, strict=True))
    both = [sum(costs) for costs in found]
    return {BOTH: both, "encode": encode, "decode": decode}


def _rows(count: int, found: dict[str, list[list[float]]]) -> list[Row]:
    costs = {side: _costs(rounds) for side, rounds in found.items()}
    entries = f"{count} {'entry' if count == 1 else 'entries'}"
    return [
        make_row(
            f"{what}, {entries}",
            "ns",
            pairs(costs[OURS][what], costs[peer][what]),
            peer,
            goal=GOALS.get(peer) if what == BOTH else None,
            less_is_better=True,
        )
        for what in costs[OURS]
        for peer in costs
        if peer != OURS
    ]


def rows(bench: Bench) -> list[Row]:
    """CPU nanoseconds of an AppendEntries."""
    sides = Sides(bench, "codec_bench", ("codec_bench.c", "codec_ours.c"), PEERS)
    seconds, rounds = (0.02, 1) if bench.quick else (0.1, 7)
    names = (OURS, *sides.peers)
    found: list[Row] = []
    with pinned(), progress(bench, rounds * len(COUNTS) * len(names)) as step:
        for count in COUNTS:
            measures = {name: partial(sides.run, name, count, seconds) for name in names}
            found += _rows(count, in_turn(measures, rounds, step))
    return found


def tables(rows: list[Row]) -> list[Table]:
    """One."""
    return [grouped_table("Lab 4: the codec, CPU time of an AppendEntries", rows)]
