"""Lab 3's benchmark: the parser beside hiredis, with and without objects, and the server beside
redis-server.
"""

from __future__ import annotations

from functools import partial

from rich.table import Table

from grader.bench import Bench, Row, grouped_table, make_row
from grader.labs.lab3 import bench_server
from grader.load import HIREDIS
from grader.load.sides import OURS, Sides, in_turn, median_pair, pairs, pinned, progress

__all__ = ["rows", "tables"]

KIB, MIB = 1 << 10, 1 << 20

OBJECTS, BARE = "hiredis", "hiredis, no objects"
SMALL, LARGE = 32, 64 * KIB  # bytes of a value
WHOLE = 0  # of a chunk: all at once
CHUNKS = {1: "by byte", 16 * KIB: "by 16 KiB", WHOLE: "at once"}
SIZES = {SMALL: MIB, LARGE: 4 * MIB}  # bytes of a stream

# Where the goals hold: small values, 16 KiB at a time.
GOALS = {(SMALL, 16 * KIB, OBJECTS): 5.0, (SMALL, 16 * KIB, BARE): 1.5}
BYTES_COST, LONG_COST = 10, 1.2  # how many times as much one may cost as the other


class Parsers:
    """Measures of the parsers, in nanoseconds a command."""

    def __init__(self, bench: Bench) -> None:
        sides = {OBJECTS: HIREDIS, BARE: HIREDIS}
        self.sides = Sides(bench, "parse_bench", ("parse_bench.c", "parse_ours.c"), sides)
        self.seconds, self.rounds = (0.02, 1) if bench.quick else (0.1, 7)
        self.long = 2 * MIB if bench.quick else 16 * MIB

    def run(self, side: str, value: int, chunk: int, size: int) -> float:
        bare = ["bare"] if side == BARE else []
        return self.sides.run(side, value, chunk, size, self.seconds, *bare)[0]

    def runs(self) -> int:
        """How many there are in all."""
        of_peers = len(CHUNKS) * len(SIZES) * (1 + len(self.sides.peers))
        return self.rounds * (of_peers + 4) + min(1, len(self.sides.peers))

    def rows(self) -> list[Row]:
        with pinned(), progress(self.sides.bench, self.runs()) as self.step:
            found = [
                row for value in SIZES for chunk in CHUNKS for row in self.beside(value, chunk)
            ]
            return [*found, self.cut_everywhere(), *self.of_any_length()]

    def beside(self, value: int, chunk: int) -> list[Row]:
        """One stream, cut in one way."""
        measures = {
            side: partial(self.run, side, value, chunk, SIZES[value])
            for side in (OURS, *self.sides.peers)
        }
        found = in_turn(measures, self.rounds, self.step)
        name = f"SET of {_bytes(value)}, {CHUNKS[chunk]}"
        return [
            make_row(
                name,
                "ns",
                pairs(found[OURS], found[peer]),
                peer,
                goal=GOALS.get((value, chunk, peer)),
                less_is_better=True,
            )
            for peer in self.sides.peers
        ]

    def _two(self, name: str, mine: tuple[int, int], peer: str, most: float) -> Row:
        """The parser in two settings: ``mine``, a chunk and a size, may cost ``most`` times as much
        as a short stream at once.
        """
        other = WHOLE, SIZES[SMALL]
        measures = {
            label: partial(self.run, OURS, SMALL, *setting)
            for label, setting in ((name, mine), (peer, other))
        }
        found = in_turn(measures, self.rounds, self.step)
        taken = pairs(*found.values())
        return make_row(name, "ns", taken, peer, goal=round(1 / most, 3), less_is_better=True)

    def cut_everywhere(self) -> Row:
        name = f"SET of {_bytes(SMALL)}, {CHUNKS[1]}"
        return self._two(name, (1, SIZES[SMALL]), "ours, at once", BYTES_COST)

    def of_any_length(self) -> list[Row]:
        """A long stream at once, beside a short one; and beside hiredis, once, since the time that
        it takes grows with the square of the length.
        """
        name = f"SET of {_bytes(SMALL)}, {_bytes(self.long)}"
        ours = self._two(name, (WHOLE, self.long), f"ours, {_bytes(SIZES[SMALL])}", LONG_COST)
        if not self.sides.peers:
            return [ours]
        self.step(f"{OBJECTS}, {_bytes(self.long)} at once")
        theirs = self.sides.run(OBJECTS, SMALL, WHOLE, self.long, 0)
        return [
            ours,
            make_row(name, "ns", median_pair([ours.ours], theirs), OBJECTS, less_is_better=True),
        ]


def _bytes(size: int) -> str:
    for unit, name in ((MIB, "MiB"), (KIB, "KiB")):
        if size >= unit:
            return f"{size // unit} {name}"
    return f"{size} bytes"


def rows(bench: Bench) -> list[Row]:
    """Measures all of it."""
    return [*Parsers(bench).rows(), *bench_server.rows(bench)]


def tables(rows: list[Row]) -> list[Table]:
    """One of the parser, one of the server."""
    parts = {
        "Lab 3: the parser, CPU time of a command": [row for row in rows if row.unit == "ns"],
        f"Lab 3: the server, {bench_server.CLIENTS} clients": [
            row for row in rows if row.unit != "ns"
        ],
    }
    return [grouped_table(title, part) for title, part in parts.items() if part]
