"""``moodle.csv``: the grading worksheet of Moodle's assignments ("Offline grading worksheet").
https://docs.moodle.org/en/Assignment_grading

As mod/assign/feedback/offline/importgradeslib.php reads it: ``Identifier``, ``Grade`` and ``Last
modified (grade)`` must be there; the number behind ``Participant`` tells who it is; ``Feedback
comments`` are HTML. A grade above the maximum would be passed over without a word, so it is cut to
that. What was not judged has no row, nor has who came from another platform.
"""

from __future__ import annotations

from markupsafe import escape

from grader.classroom.exports.cells import Cell, plain, rows
from grader.classroom.exports.student import facts
from grader.classroom.model import Entry
from grader.classroom.policy import Policy, grade_of
from grader.report.escape import visible

LAYOUT = "moodle"  # of an export whose ids are its participants
HEAD = (
    "Identifier", "Full name", "Email address", "Status", "Grade", "Maximum grade",
    "Grade can be changed", "Last modified (submission)", "Last modified (grade)",
    "Feedback comments",
)  # fmt: skip


def render(entries: list[Entry], policy: Policy) -> str:
    """The file's text; "" where it would have no row."""
    graded = list(filter(None, (_row(entry, policy) for entry in entries)))
    return rows([HEAD, *graded]) if graded else ""


def _row(entry: Entry, policy: Policy) -> tuple[Cell, ...] | None:
    student, at, grade = entry.student, entry.handed.at, grade_of(entry, policy)
    if entry.handed.layout != LAYOUT or not student.id.isascii() or not student.id.isdigit():
        return None
    if grade.final is None:
        return None
    return (
        f"Participant {student.id}",
        student.name,
        student.email,
        "Submitted for grading",
        min(grade.final, grade.max_points),
        plain(grade.max_points),
        "Yes",
        at.isoformat(" ", "minutes") if at else "",
        "",
        _comment(entry, policy),
    )


def _comment(entry: Entry, policy: Policy) -> str:
    """In one paragraph, for Moodle shows it as HTML."""
    words = (f"{name}: {text}" for name, text in facts(entry, policy))
    return str(escape(visible(". ".join(words), keep="")))
