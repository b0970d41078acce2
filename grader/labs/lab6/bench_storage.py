"""Rows of ``make bench LAB=6`` about the storage alone, on the disk that has temporary files."""

from __future__ import annotations

import shutil
import tempfile
from functools import partial
from pathlib import Path

from grader.bench import Bench, Row, make_row
from grader.labs.lab6.bench_core import growth
from grader.load import PLAIN_LOG
from grader.load.sides import OURS, Sides, in_turn, pairs, progress
from grader.run.sandbox import Limits

PLAIN = "write + fdatasync"
BATCH, SIZE = 256, 32
_LARGE_BATCH = 16_384
_LIMITS = Limits(file_bytes=1 << 32)


def sides(bench: Bench) -> Sides:
    """To be made before anything is built."""
    files = ("storage_bench.c", "storage_ours.c")
    return Sides(bench, "storage_bench", files, {PLAIN: PLAIN_LOG})


def _run(sides: Sides, name: str, entries: int, batch: int) -> list[float]:
    """Entries saved, and then read, a second."""
    sandbox = sides.bench.attempt.sandbox
    folder = sandbox.own(Path(tempfile.mkdtemp(prefix="storage-", dir=sandbox.folder)))
    try:
        return sides.run(name, "kept", entries, batch, SIZE, writable=folder, limits=_LIMITS)
    finally:
        shutil.rmtree(folder)


def rows(bench: Bench, sides: Sides) -> list[Row]:
    """Measures all of it, by the clock: a disk is waited for."""
    many, rounds = (20_000, 1) if bench.quick else (1_000_000, 5)
    measures = {
        (name, entries): partial(_run, sides, name, entries, batch)
        for entries, batch in ((many, _LARGE_BATCH), (many // 10, BATCH))
        for name in (OURS, PLAIN)
    }
    named = {f"{name}, {entries:,}": run for (name, entries), run in measures.items()}
    with progress(bench, rounds * len(measures)) as step:
        figures = list(in_turn(named, rounds, step).values())
    found = dict(zip(measures, figures, strict=True))
    saved = [[one[0] for one in found[name, many // 10]] for name in (OURS, PLAIN)]
    read = [[one[1] for one in found[name, many]] for name in (OURS, PLAIN)]
    of_tenth = [one[1] for one in found[OURS, many // 10]]
    return [
        make_row(f"storage: entries, a sync for each {BATCH}", "1/s", pairs(*saved), PLAIN),
        make_row("storage: entries read at the start", "1/s", pairs(*read), PLAIN),
        growth("storage: an entry to open and read", many, read[0], of_tenth),
    ]
