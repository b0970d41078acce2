"""The figures of the class report: how points are spread, what was hard, why it failed, and how
long it took.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from statistics import median

from grader.classroom.exports.student import hint_of
from grader.classroom.model import Entry
from grader.classroom.policy import Grade, Policy, grade_of, stages_of
from grader.labs.stage import Stage
from grader.report.model import StageResult
from grader.verdicts import Verdict

_TENTHS = 10


@dataclass(frozen=True)
class Row:
    """A student in the tables."""

    entry: Entry
    grade: Grade

    @property
    def name(self) -> str:
        return self.entry.student.name or self.entry.student.key


def by_points(entries: list[Entry], policy: Policy) -> list[Row]:
    """All, the best first; who was not judged comes last."""
    rows = [Row(entry, grade_of(entry, policy)) for entry in entries]
    return sorted(rows, key=lambda row: (_rank(row.grade), row.name.casefold()))


def _rank(grade: Grade) -> tuple[bool, Decimal]:
    return grade.final is None, -(grade.final or Decimal(0))


def by_name(rows: list[Row]) -> list[Row]:
    """The same by name."""
    return sorted(rows, key=lambda row: (row.name.casefold(), row.entry.student.key))


@dataclass(frozen=True)
class Bin:
    """How many have points from ``first`` to ``last`` percent of the maximum."""

    first: int
    last: int
    count: int

    @property
    def label(self) -> str:
        return "100 and more" if self.first == 100 else f"{self.first} to {self.last}"


def distribution(rows: list[Row]) -> list[Bin]:
    """By tenths of the maximum; all of it, or more, is a bin of its own."""
    counts = [0] * (_TENTHS + 1)
    for row in rows:
        if row.grade.final is not None and row.grade.max_points:
            counts[min(_TENTHS, int(row.grade.final * _TENTHS / row.grade.max_points))] += 1
    return [Bin(at * 10, at * 10 + 9, count) for at, count in enumerate(counts)]


@dataclass(frozen=True)
class Difficulty:
    """A stage: how many attempted it, and how many of those passed. Seconds are of a run of it."""

    id: str
    title: str
    extension: bool
    attempted: int
    passed: int
    median_s: float
    most_s: float

    @property
    def share(self) -> float:
        return self.passed / self.attempted


def difficulties(entries: list[Entry]) -> list[Difficulty]:
    """The stages that somebody attempted, the hardest first, and extensions after the others."""
    stages = [stage for lab in _labs(entries) for stage in stages_of(lab)]
    runs: dict[str, list[StageResult]] = {stage.id: [] for stage in stages}
    for _, result in _attempts(entries):
        if result.id in runs:
            runs[result.id].append(result)
    found = [_difficulty(stage, runs[stage.id]) for stage in stages if runs[stage.id]]
    return sorted(found, key=lambda one: (one.extension, one.share))


def _labs(entries: list[Entry]) -> list[int]:
    return sorted({entry.stamp.lab for entry in entries})


def _attempts(entries: list[Entry]) -> Iterator[tuple[Entry, StageResult]]:
    """All that was judged."""
    for entry in entries:
        for stage in entry.result.stages if entry.result else ():
            if stage.verdict not in (Verdict.SKIPPED, Verdict.GRADER_ERROR):
                yield entry, stage


def _difficulty(stage: Stage, runs: list[StageResult]) -> Difficulty:
    seconds = [run.duration_s for run in runs]
    passed = sum(run.verdict is Verdict.PASS for run in runs)
    return Difficulty(
        stage.id,
        stage.title,
        stage.extension,
        len(runs),
        passed,
        median(seconds),
        max(seconds),
    )


@dataclass
class Cause:
    """A diagnosis, in the words of its hint, and where it was made: students and their stages."""

    id: str
    cause: str
    where: dict[str, tuple[Entry, list[str]]]

    @property
    def stages(self) -> list[str]:
        found = {stage for _, stages in self.where.values() for stage in stages}
        return sorted(found, key=lambda id: [int(part) for part in id.split(".") if part.isdigit()])


def causes(entries: list[Entry]) -> list[Cause]:
    """The diagnoses, those of most students first. What has no id is known by its verdict."""
    found: dict[tuple[str, str], Cause] = {}
    for entry, stage in _attempts(entries):
        if stage.failure is None:
            continue
        id = stage.failure.diagnosis_id or stage.verdict.lower()
        hint = hint_of(stage, stage.failure)
        text = hint.cause if hint else stage.failure.diagnosis
        cause = found.setdefault((id, text), Cause(id, text, {}))
        cause.where.setdefault(entry.student.key, (entry, []))[1].append(stage.id)
    return sorted(found.values(), key=lambda one: (-len(one.where), one.id))
