"""``canvas.csv``: what Canvas's gradebook imports.
https://community.canvaslms.com/t5/Instructor-Guide/How-do-I-import-grades-in-the-Gradebook/ta-p/807

As lib/gradebook_importer.rb of canvas-lms reads it: the columns up to ``Section`` tell who it is,
``ID`` first, then ``SIS User ID``, ``SIS Login ID``, and the name last. An assignment's column has
its title, and Canvas asks where it knows none. An empty cell would take away a grade that is there,
so what was not judged has no row, nor has who has no number that Canvas knows.
"""

from __future__ import annotations

from grader.classroom.exports.cells import Cell, rows
from grader.classroom.model import Entry
from grader.classroom.policy import Policy, grade_of

HEAD = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")
POINTS_POSSIBLE = "    Points Possible"
ANONYMOUS = "anon"  # in an export of anonymous submissions, whose ids are no users'


def render(entries: list[Entry], policy: Policy) -> str:
    """The file's text, for the submissions of one lab; "" where it would have no row."""
    graded = list(filter(None, (_row(entry, policy) for entry in entries)))
    if not graded:
        return ""
    most = grade_of(entries[0], policy).max_points
    head = (*HEAD, f"Lab {entries[0].stamp.lab}")
    return rows([head, (POINTS_POSSIBLE, "", "", "", "", most), *graded])


def left_out(entries: list[Entry], policy: Policy) -> list[Entry]:
    """Who has a grade and no row."""
    rows = ((entry, _row(entry, policy)) for entry in entries)
    return [e for e, row in rows if row is None and grade_of(e, policy).final is not None]


def _row(entry: Entry, policy: Policy) -> tuple[Cell, ...] | None:
    """An id of another platform would be someone else's here; Gradescope's are those of the SIS."""
    student, layout = entry.student, entry.handed.layout
    number = student.id if student.id.isascii() and student.id.isdigit() else ""
    ours = number if layout == "canvas" and student.name != ANONYMOUS else ""
    sis = student.id if layout == "gradescope" else ""
    final = grade_of(entry, policy).final
    if final is None or not (ours or sis):
        return None
    # A row of that name would be taken for the assignment's points.
    name = student.key if POINTS_POSSIBLE.strip() in student.name else student.name
    return name, ours, sis, student.login, "", final
