"""In Gradescope's container: ``python -m grader.classroom.platforms.in_gradescope /autograder``
grades the folder submission/ there and writes results/results.json.
"""

from __future__ import annotations

import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

from grader.classroom.exports import gradescope
from grader.classroom.model import Entry, Student
from grader.classroom.platforms import one, taken
from grader.classroom.platforms.one import Assignment
from grader.classroom.policy import Policy
from grader.report import escape
from grader.report.write import replace_file

_PRIVATE = ("source", "results", "submission", "submission_metadata.json")
_ANONYMOUS = Student("submission", "")


def main(top: Path) -> int:
    """Writes results.json, whatever happened. What it prints, Gradescope shows to instructors
    only. Returns 2 where the grader is at fault.
    """
    package = top / "source"
    assignment = Assignment.read(package)
    policy = one.policy_of(package)
    entry = _entry(top, assignment, policy)
    results = gradescope.render(entry, policy)
    replace_file(top / "results" / "results.json", results.encode())
    print(one.told(entry))
    return 2 if entry.story else 0


def _entry(top: Path, assignment: Assignment, policy: Policy) -> Entry:
    try:
        data = metadata(top / "submission_metadata.json")
        student, at = student_of(data), _time(data.get("created_at"))
        lab, folder = assignment.lab_known(), top / "submission"
        private = [path for name in _PRIVATE if (path := top / name).exists()]
        submission = taken.take(folder, lab, student, "gradescope", at)
        return one.grade(submission, assignment, policy, private)
    except Exception as error:  # a bug of the grader is never the student's
        return one.broken(assignment, _ANONYMOUS, one.words_of(error))


def metadata(path: Path) -> dict[str, Any]:
    """Gradescope's words on the submission; nothing where there are none, as in a trial run."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}


def student_of(data: dict[str, Any]) -> Student:
    """All names of a group, with the first one's number and address."""
    listed = data.get("users")
    users = [user for user in listed if isinstance(user, dict)] if isinstance(listed, list) else []
    if not users:
        return _ANONYMOUS
    names = ", ".join(_text(user.get("name")) for user in users)
    return Student(
        "submission", names, id=_text(users[0].get("id")), email=_text(users[0].get("email"))
    )


def _text(value: object) -> str:
    return "" if value is None else escape.one_line(str(value), 200)


def _time(value: object) -> datetime | None:
    try:
        return datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
