"""``grades.csv``: all that is known, one row a student."""

from __future__ import annotations

from decimal import Decimal

from grader.classroom.exports.cells import Cell, rows
from grader.classroom.model import Entry
from grader.classroom.policy import Policy, grade_of, stages_of

HASH_DIGITS = 12  # of a hash, as it is shown
_HEAD = (
    "key", "name", "id", "login", "email", "status", "points", "max_points", "extension_points",
    "late_days", "deduction_percent", "final",
)  # fmt: skip
_STAMP = ("isolation", "seed", "toolchain", "submission", "grader")


def render(entries: list[Entry], policy: Policy) -> str:
    """The file's text. A stage that nobody came to has an empty cell."""
    labs = sorted({entry.stamp.lab for entry in entries})
    stages = [stage.id for lab in labs for stage in stages_of(lab)]
    head: tuple[Cell, ...] = (*_HEAD, *stages, *_STAMP)
    return rows([head, *(_row(entry, policy, stages) for entry in entries)])


def _row(entry: Entry, policy: Policy, stages: list[str]) -> tuple[Cell, ...]:
    student, stamp, result = entry.student, entry.stamp, entry.result
    grade = grade_of(entry, policy)
    verdicts = {stage.id: str(stage.verdict) for stage in result.stages} if result else {}
    return (
        student.key,
        student.name,
        student.id,
        student.login,
        student.email,
        str(entry.status),
        grade.points,
        grade.max_points,
        Decimal(result.extension_points) if result else None,
        grade.late_days,
        grade.deduction,
        grade.final,
        *(verdicts.get(stage) for stage in stages),
        stamp.isolation,
        stamp.seed,
        stamp.toolchain,
        stamp.submission[:HASH_DIGITS],
        stamp.grader[:HASH_DIGITS],
    )
