"""Gradescope's ``results.json``.
https://gradescope-autograders.readthedocs.io/en/latest/specs/#output-format

A result that must not be scored has neither a score nor tests: Gradescope then says that the
autograder failed, which is so. All output is shown as plain text.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from grader.classroom.exports.result import number
from grader.classroom.exports.scored import Scored, scored
from grader.classroom.exports.student import NOT_JUDGED, facts
from grader.classroom.model import Entry
from grader.classroom.policy import Policy, grade_of
from grader.report.write import json_text


def render(entry: Entry, policy: Policy) -> str:
    """The file's text. The score on top is the final one, late days taken off."""
    final = grade_of(entry, policy).final
    data: dict[str, Any] = {
        "output": NOT_JUDGED if final is None else _output(entry, policy),
        "output_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "execution_time": round(entry.seconds, 1),
        "extra_data": {
            "seed": entry.stamp.seed,
            "isolation": entry.stamp.isolation,
            "toolchain": entry.stamp.toolchain,
            "submission": entry.stamp.submission,
            "grader": entry.stamp.grader,
        },
    }
    if final is not None:
        data["score"] = number(final)
        data["tests"] = [_test(stage) for stage in scored(entry, policy)]
    return json_text(data)


def _output(entry: Entry, policy: Policy) -> str:
    return "\n".join(f"{name}: {text}" for name, text in facts(entry, policy))


def _test(stage: Scored) -> dict[str, Any]:
    return {
        "number": stage.id,
        "name": stage.title,
        "name_format": "text",
        "score": number(stage.points or Decimal(0)),
        "max_score": number(stage.worth),
        "status": "passed" if stage.passed else "failed",
        "output": stage.words(),
        "output_format": "text",
        "visibility": "visible",
    }
