"""When students handed in, as the instructor says it where the platform's export does not: a CSV.

    student,late
    Ada Lovelace,2026-10-13T08:30:00+02:00
    101,2

``student`` is the key, name, number, login or e-mail address of one student. ``late`` is when this
one handed in (ISO 8601; without a zone, in that of the policy's ``due``), or a number of days. It
goes before what the export tells; who is not named is as late as the export tells.
"""

from __future__ import annotations

import csv
import difflib
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from grader.classroom.model import Entry, Student
from grader.errors import UsageError
from grader.report.escape import one_line

_MOST_DAYS = 366
_HEAD = ["student", "late"]
_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d.*")

When = datetime | int  # the time, or days late
Lateness = dict[str, When]  # by key


@dataclass(frozen=True)
class Line:
    """Of the file: one student."""

    number: int
    student: str
    when: When


@dataclass(frozen=True)
class LateFile:
    """All that a file says; without a path, nothing was said."""

    path: Path | None = None
    lines: tuple[Line, ...] = ()

    @staticmethod
    def read(path: Path | None) -> LateFile:
        """Raises UsageError that names file and line for what can't be meant."""
        if path is None:
            return LateFile()
        try:
            with path.open(encoding="utf-8-sig", newline="") as file:
                rows = csv.reader(file, strict=True)
                numbered = [(rows.line_num, cells) for cells in rows]
        except OSError as error:
            raise UsageError(f"late {path}: {error.strerror}") from error
        except (ValueError, csv.Error) as error:  # no UTF-8, or no CSV
            raise UsageError(f"late {path}: {error}") from error
        return LateFile(path, tuple(_lines(path, numbered)))

    def of(self, students: Iterable[Student]) -> Lateness | None:
        """Of the students of a class; None where nothing was said. Raises UsageError where a line
        is of none of them, of several, or of one whom another line names.
        """
        if self.path is None:
            return None
        known, found = list(students), Lateness()
        for line in self.lines:
            keys, name = _keys(line.student, known), repr(one_line(line.student, 60))
            if not keys:
                words = f"there is no student {name} in this class{_like(line.student, known)}"
            elif len(keys) > 1:
                words = f"{name} may be any of {', '.join(keys)}: give one of these"
            elif keys[0] in found:
                words = f"{name} is there more than once"
            else:
                found[keys[0]] = line.when
                continue
            raise _wrong(self.path, line.number, words)
        return found


def _lines(path: Path, rows: list[tuple[int, list[str]]]) -> Iterator[Line]:
    if not rows or rows[0][1] != _HEAD:
        raise _wrong(path, 1, f"it is {','.join(_HEAD)}, and then there is a line a student")
    for number, cells in rows[1:]:
        if not cells:
            continue
        if len(cells) != len(_HEAD):
            words = f"there are {len(cells)} cells: it takes two, the student and how late"
            raise _wrong(path, number, words)
        student, late = (cell.strip() for cell in cells)
        when = _when(late)
        if when is None:
            words = f"a time such as 2026-10-12T23:59:00+02:00, or days from 0 to {_MOST_DAYS}"
            raise _wrong(path, number, f"{one_line(late, 60)!r} is not {words}")
        yield Line(number, student, when)


def _when(text: str) -> When | None:
    if re.fullmatch(r"[0-9]{1,3}", text):
        return int(text) if int(text) <= _MOST_DAYS else None
    try:
        return datetime.fromisoformat(text) if _TIME.fullmatch(text) else None
    except ValueError:
        return None


def _keys(text: str, students: list[Student]) -> list[str]:
    """Of those whom it may mean. A letter is the same however its mark is encoded."""
    if any(one.key == text for one in students):
        return [text]
    wanted = _composed(text)
    return [one.key for one in students if wanted and wanted in _names(one)]


def _like(text: str, students: list[Student]) -> str:
    """Who may be meant, by their keys."""
    named = ((name.casefold(), one.key) for one in students for name in (one.key, *_names(one)))
    keys = {name: key for name, key in named if name}
    near = difflib.get_close_matches(_composed(text).casefold(), keys, 3, 0.5)
    found = ", ".join(dict.fromkeys(one_line(keys[name], 60) for name in near))
    return f" (like that: {found})" if found else ""


def _names(student: Student) -> list[str]:
    return [_composed(t) for t in (student.name, student.id, student.login, student.email)]


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _wrong(path: Path, line: int, words: str) -> UsageError:
    return UsageError(f"late {path}: line {line}: {words}")


def text_of(lateness: Lateness) -> str:
    """As a file that says the same of these keys."""
    lines = (
        f"{key},{when.isoformat() if isinstance(when, datetime) else when}"
        for key, when in lateness.items()
    )
    return "\n".join([",".join(_HEAD), *lines, ""])


def applied(entry: Entry, lateness: Lateness) -> Entry:
    """The entry with what is said of its student."""
    when = lateness.get(entry.student.key)
    if when is None:
        return entry
    told = {"at": when} if isinstance(when, datetime) else {"days_late": when}
    return replace(entry, handed=replace(entry.handed, **told))
