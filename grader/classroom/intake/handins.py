"""Who handed in what, as the names in an export tell."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from grader.classroom.intake.names import digest
from grader.classroom.model import Student


@dataclass(frozen=True)
class Piece:
    """Something in the export's folder. ``name`` is what it is called there, and ``own`` what the
    student called it; "" is a folder that is the submission.
    """

    name: str
    own: str = ""


@dataclass(frozen=True)
class HandIn:
    """What a student handed in: the newest piece first, where the platform tells.

    ``identity`` is all that the platform says of the student; no two in an export have the same.
    """

    student: Student
    identity: str
    pieces: tuple[Piece, ...]
    at: datetime | None = None
    is_late: bool | None = None
    notes: tuple[str, ...] = ()


def unique(handins: list[HandIn]) -> list[HandIn]:
    """In the order of their keys, which are unique unless a student made up a name for it."""
    keys = [handin.student.key for handin in handins]
    twice = {key for key in keys if keys.count(key) > 1} if len(set(keys)) < len(keys) else set()
    return sorted(
        (_longer(handin) if handin.student.key in twice else handin for handin in handins),
        key=lambda handin: handin.student.key,
    )


def _longer(handin: HandIn) -> HandIn:
    # ascii() tells apart what looks the same but for the encoding of its marks.
    key = f"{handin.student.key[:47]}-{digest(ascii(handin.identity), 16)}"
    return replace(handin, student=replace(handin.student, key=key))
