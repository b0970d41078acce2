"""GitHub Classroom's result of a grader, which the reporter takes in Base64 from the step's output.
https://github.com/classroom-resources/autograding-grading-reporter

The reporter adds up the scores of all tests. It reports nothing where ``max_score`` is 0, so what
was not judged has that, and the status ``error``.
"""

from __future__ import annotations

import base64
import re
from decimal import Decimal
from typing import Any

from grader.classroom.exports.result import number
from grader.classroom.exports.scored import Scored, scored
from grader.classroom.exports.student import NOT_JUDGED, without_paths
from grader.classroom.model import Entry, Status
from grader.classroom.policy import Policy, grade_of
from grader.report.escape import one_line
from grader.report.write import json_text

VERSION = 1
_LONGEST = 1000


def render(entry: Entry, policy: Policy) -> str:
    """The result as JSON."""
    grade = grade_of(entry, policy)
    if grade.points is None:
        return json_text(_result("error", 0, [_test("Grader", "error", NOT_JUDGED, 0, "")]))
    if entry.status is Status.REFUSED:
        words = _safe_line(without_paths(entry.handed.refused))
        test = _test("Files", "fail", words, 0, "")
        return json_text(_result("fail", number(grade.max_points), [test]))
    stages = list(scored(entry, policy))
    failed = any(not stage.passed for stage in stages if stage.worth and not stage.extension)
    tests = [_stage(stage, entry) for stage in stages]
    return json_text(_result("fail" if failed else "pass", number(grade.max_points), tests))


def output(entry: Entry, policy: Policy) -> str:
    """The same as the step's output ``result``."""
    return base64.b64encode(render(entry, policy).encode()).decode()


def _result(status: str, most: int | float, tests: list[dict[str, Any]]) -> dict[str, Any]:
    return {"version": VERSION, "status": status, "max_score": most, "tests": tests}


def _stage(stage: Scored, entry: Entry) -> dict[str, Any]:
    status = "error" if stage.points is None else "pass" if stage.passed else "fail"
    return _test(
        f"{stage.id} {stage.title}",
        status,
        _safe_line(stage.summary()),
        number(stage.points or Decimal(0)),
        f"make lab{entry.stamp.lab} STAGE={stage.id} SEED={entry.stamp.seed}",
        stage.result.duration_s if stage.result else 0.0,
    )


def _test(
    name: str, status: str, message: str, score: int | float, code: str, seconds: float = 0.0
) -> dict[str, Any]:
    return {
        "name": name,
        "status": status,
        "message": message or None,
        "test_code": code,
        "filename": "",
        "line_no": 0,
        "duration": round(seconds * 1000),
        "score": score,
    }


def _safe_line(text: str) -> str:
    """The reporter prints it to a log whose lines can be commands: ``::error::``, ``##[error]``.
    https://docs.github.com/actions/reference/workflow-commands-for-github-actions
    """
    line = one_line(text, _LONGEST)
    return re.sub(r"^(\s*):", r"\1 ", line.replace("::", ": :").replace("##[", "# #["))
