"""``result.json``: the outcome in our own words, for tools. ``schemas/result.json`` describes it;
``result`` in it has the form of ``labN.json``.
"""

from __future__ import annotations

from dataclasses import asdict
from decimal import Decimal
from typing import Any

from grader import SCHEMA_VERSION
from grader.classroom.exports.student import student_result, without_paths
from grader.classroom.model import Entry, Handed
from grader.classroom.policy import Grade, Policy, grade_of
from grader.report.write import json_text


def render(entry: Entry, policy: Policy) -> str:
    """The file's text."""
    result = student_result(entry.result, policy) if entry.result else None
    return json_text(
        {
            "schema_version": SCHEMA_VERSION,
            "status": str(entry.status),
            "student": asdict(entry.student),
            "handed": _handed(entry.handed),
            "stamp": asdict(entry.stamp),
            "grade": _grade(grade_of(entry, policy)),
            "result": result.to_json() if result else None,
        }
    )


def number(value: Decimal) -> int | float:
    """As JSON knows it; a whole one without a point."""
    return int(value) if value == value.to_integral_value() else float(value)


def _handed(handed: Handed) -> dict[str, Any]:
    return {
        "at": handed.at.isoformat() if handed.at else None,
        "missing": list(handed.missing),
        "extra": list(handed.extra),
        "notes": [without_paths(note) for note in handed.notes],
        "refused": without_paths(handed.refused),
    }


def _grade(grade: Grade) -> dict[str, Any]:
    return {
        "points": None if grade.points is None else number(grade.points),
        "max_points": number(grade.max_points),
        "late_days": grade.late_days,
        "deduction_percent": number(grade.deduction),
        "final": None if grade.final is None else number(grade.final),
    }
