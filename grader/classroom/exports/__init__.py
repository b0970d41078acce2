"""What becomes of a class's outcomes: files for people and for platforms, all made from the same
entries and the instructor's policy.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from grader.classroom.exports import (
    autolab,
    canvas,
    class_page,
    github,
    grades,
    gradescope,
    moodle,
    result,
    student,
)
from grader.classroom.model import Entry
from grader.classroom.policy import Policy
from grader.report.write import replace_file

OF_THE_CLASS: dict[str, Callable[[list[Entry], Policy], str]] = {
    "grades.csv": grades.render,
    "canvas.csv": canvas.render,
    "moodle.csv": moodle.render,
}
OF_A_STUDENT: dict[str, Callable[[Entry, Policy], str]] = {
    "report.html": student.student_report,
    "result.json": result.render,
    "gradescope.json": gradescope.render,
    "autolab.json": autolab.render,
    "github-classroom.json": github.render,
}
_KEY = re.compile(r"[a-z0-9-]{1,64}")


def write_all(out: Path, entries: Iterable[Entry], policy: Policy) -> list[Path]:
    """Writes all exports, and returns their paths. Each file is the old one or the new one, never
    half of it; one that has nothing to say is not there. Raises OSError where one can't be written,
    ValueError for a key that is no name of a student's folder.
    """
    ordered = sorted(entries, key=lambda entry: entry.student.key)
    written = []
    for path, data in _files(out, ordered, policy):
        if not data:
            path.unlink(missing_ok=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, data)
        written.append(path)
    return written


def _files(out: Path, entries: list[Entry], policy: Policy) -> Iterator[tuple[Path, bytes]]:
    """The students' first: what the class's files link to is there."""
    for entry in entries:
        if not _KEY.fullmatch(entry.student.key):
            raise ValueError(f"no key of a student: {entry.student.key!r}")
        for name, render in OF_A_STUDENT.items():
            yield out / "students" / entry.student.key / name, render(entry, policy).encode()
    for name, render_class in OF_THE_CLASS.items():
        yield out / name, render_class(entries, policy).encode()
    yield out / "class.html", class_page.render(entries, policy).encode()
    yield out / moodle.FEEDBACK, moodle.feedback(entries, policy)
