"""Runs class mode as an instructor would, and looks at what came of it."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from grader.classroom.model import Entry, Handed, Status
from grader.report.escape import one_line, visible
from grader.run.orphans import die_with_parent
from grader.selftest.class_of.expected import Expected
from grader.selftest.harness import ROOT

# The Makefile's variables, which a test's own environment may hold.
_NOT_OURS = ("WORK", "OUT", "SEED", "STAGE", "ALL", "BORROW", "ISOLATION", "REPEAT", "MAKEFLAGS")


@dataclass(frozen=True)
class Class:
    """A class, where its results go, and how it is graded."""

    folder: Path
    out: Path
    lab: int
    seed: int = 1
    options: tuple[str, ...] = ()

    def start(self, **more: str) -> subprocess.Popen[bytes]:
        """Class mode, in the background; ``more`` goes into its environment."""
        command = [sys.executable, "-m", "grader.classroom", "grade", str(self.folder)]
        command += ["--lab", str(self.lab), "--out", str(self.out), "--seed", str(self.seed)]
        kept = {name: value for name, value in os.environ.items() if name not in _NOT_OURS}
        return subprocess.Popen(
            [*command, *self.options], cwd=ROOT, env=kept | more, preexec_fn=die_with_parent
        )

    def entries(self) -> list[Entry]:
        """All outcomes that are there."""
        paths = sorted((self.out / "students").glob("*/entry.json"))
        return [Entry.from_json(json.loads(path.read_text(encoding="utf-8"))) for path in paths]


def busy_and_all() -> tuple[float, float]:
    """Ticks of all CPUs since the start, without and with those that were idle: proc(5)."""
    ticks = [int(word) for word in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    idle = ticks[3] + ticks[4]
    return sum(ticks) - idle, sum(ticks)


@dataclass(frozen=True)
class Ran:
    """A whole run: its exit status, seconds, and the use of all CPUs, between 0 and 1."""

    status: int
    seconds: float
    use: float


def run(the_class: Class, **more: str) -> Ran:
    """Grades the whole class."""
    busy, ticks = busy_and_all()
    began = time.monotonic()
    status = the_class.start(**more).wait()
    now_busy, now_ticks = busy_and_all()
    use = (now_busy - busy) / max(1.0, now_ticks - ticks)
    return Ran(status, time.monotonic() - began, use)


def check(out: Path, expected: list[Expected]) -> list[str]:
    """What of the outcomes in ``out`` is not as expected, a line for each."""
    the_class = Class(Path(), out, 0)
    entries = the_class.entries()
    found = matched([entry.handed for entry in entries], expected)
    wrong = []
    for one, places in zip(expected, found, strict=True):
        why = one.wrong(entries[places[0]]) if len(places) == 1 else f"{len(places)} outcomes"
        if why:
            wrong.append(f"{one.kind} {one.program}, {visible(one.source)}: {why}")
    if len(entries) != len(expected):
        wrong.append(f"{len(entries)} outcomes of {len(expected)} submissions")
    return wrong + _wrong_grades(out, entries)


def matched(handed: list[Handed], expected: list[Expected]) -> list[list[int]]:
    """For each that is expected, the places of those in ``handed`` that are of it. Intake shows a
    source in one line.
    """
    sources = [one_line(one.source) for one in expected]
    found: list[list[int]] = [[] for _ in expected]
    for place, one in enumerate(handed):
        fit = [n for n, source in enumerate(sources) if one.source.startswith(source)]
        if fit:  # a name may be the beginning of another
            found[max(fit, key=lambda n: len(sources[n]))].append(place)
    return found


def _wrong_grades(out: Path, entries: list[Entry]) -> list[str]:
    """grades.csv has a row for each student, and points only for who was graded."""
    with (out / "grades.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = {row["key"]: row for row in csv.DictReader(file)}
    wrong = [
        f"grades.csv: no row for {e.student.key}" for e in entries if e.student.key not in rows
    ]
    for entry in entries:
        row = rows.get(entry.student.key)
        points = entry.result.points if entry.result else None
        if row and entry.status is Status.GRADED and float(row["points"]) != points:
            wrong.append(f"grades.csv: {entry.student.key} has {row['points']}, not {points}")
    return wrong
