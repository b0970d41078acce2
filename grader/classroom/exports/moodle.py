"""For Moodle's assignments. https://docs.moodle.org/en/Assignment_grading

``moodle.csv`` is the grading worksheet ("Offline grading worksheet").

As mod/assign/feedback/offline/importgradeslib.php reads it: ``Identifier``, ``Grade`` and ``Last
modified (grade)`` must be there; the number behind ``Participant`` tells who it is; ``Feedback
comments`` are HTML. A grade above the maximum would be passed over without a word, so it is cut to
that. What was not judged has no row, nor has who came from another platform.

``moodle-feedback.zip`` has the reports of those who have a row ("Upload multiple feedback files in
a zip"). As mod/assign/feedback/file/importziplib.php reads it: a folder's name is cut at its first
four ``_``; the second part is the participant, the next two a plugin that there is, and what is in
the folder is the feedback. Moodle reads such folders whichever way it exported; before 4.1 only
with the ``_`` at the end.
"""

from __future__ import annotations

import io
import re
import zipfile

from markupsafe import escape

from grader.classroom.exports.cells import Cell, plain, rows
from grader.classroom.exports.student import facts, student_report
from grader.classroom.model import Entry
from grader.classroom.policy import Policy, grade_of
from grader.report.escape import visible

FEEDBACK = "moodle-feedback.zip"
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


def feedback(entries: list[Entry], policy: Policy) -> bytes:
    """The zip; b"" where it would be empty."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for entry in entries:
            if _row(entry, policy):
                info = zipfile.ZipInfo(f"{_folder(entry)}/report.html")
                info.external_attr = 0o644 << 16
                report = student_report(entry, policy)
                archive.writestr(info, report.encode(), zipfile.ZIP_DEFLATED)
        is_empty = not archive.namelist()
    return b"" if is_empty else packed.getvalue()


def _folder(entry: Entry) -> str:
    """The name is for people to read: nothing in it may be taken for a separator."""
    words = re.sub(r"[^\w.'-]|_", " ", entry.student.name).split()
    name = " ".join(words)[:80].strip(" .") or "student"
    return f"{name}_{entry.student.id}_assignsubmission_file_"


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
