"""What class mode knows of a submission, and what became of it. ``entry.json`` in a student's
folder is one ``Entry``; all exports read only these and the instructor's policy.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from grader import SCHEMA_VERSION
from grader.report.model import LabResult


@dataclass(frozen=True)
class Student:
    """Who handed in, as the platform's export tells; what it does not tell is empty.

    ``key`` is the name of the student's folder: unique in the class, of lower-case ASCII letters,
    digits and dashes, at most 64. ``id`` is the platform's own number, ``login`` its user name.
    """

    key: str
    name: str
    id: str = ""
    login: str = ""
    email: str = ""


@dataclass(frozen=True)
class Handed:
    """What was handed in: where it lay in the export, and what was made of it.

    ``sha256`` is of the files that are graded, whatever else lay beside them. ``at`` is when it was
    handed in, where the export tells; ``days_late`` is the instructor's word, which goes before it.
    ``missing`` and ``extra`` are names of files, ``notes`` what
    was left out and why; ``refused`` says why nothing could be taken at all. All text in it is safe
    to show.
    """

    source: str
    layout: str
    sha256: str
    at: datetime | None = None
    is_late: bool | None = None
    days_late: int | None = None
    missing: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    refused: str = ""


@dataclass(frozen=True)
class Submission:
    """A submission that can be graded: ``files`` by their path in the tree (lab3-resp/resp.c)."""

    student: Student
    handed: Handed
    files: dict[str, bytes] = field(repr=False)


@dataclass(frozen=True)
class Stamp:
    """All that decides a result. Two gradings with equal stamps give equal verdicts."""

    submission: str  # SHA-256 of the files
    grader: str  # SHA-256 of the grader, headers, hosts and rules
    toolchain: str
    isolation: str
    lab: int
    seed: int


class Status(StrEnum):
    """How far a submission came."""

    GRADED = "graded"
    REFUSED = "refused"  # there was nothing to grade: no points
    QUARANTINED = "quarantined"  # GRADER-ERROR: not scored, a person must look


@dataclass(frozen=True)
class Entry:
    """A submission and its outcome. ``result`` is there if it was graded; ``story`` says why it was
    quarantined. Seconds are those of the whole grading, and of all its processes; ``graded_at`` is
    when it ended.
    """

    student: Student
    handed: Handed
    stamp: Stamp
    status: Status
    result: LabResult | None = None
    story: str = ""
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    graded_at: datetime | None = None

    def to_json(self) -> dict[str, Any]:
        """As ``entry.json``."""
        data = asdict(self)
        data["handed"]["at"] = _text(self.handed.at)
        data["graded_at"] = _text(self.graded_at)
        data["result"] = self.result.to_json() if self.result else None
        return {"schema_version": SCHEMA_VERSION, **data}

    @staticmethod
    def from_json(data: dict[str, Any]) -> Entry:
        """The inverse of ``to_json``. Raises KeyError, TypeError or ValueError for anything
        else.
        """
        handed: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in data["handed"].items()
        }
        handed["at"] = _time(handed["at"])
        return Entry(
            Student(**data["student"]),
            Handed(**handed),
            Stamp(**data["stamp"]),
            Status(data["status"]),
            LabResult.from_json(data["result"]) if data["result"] else None,
            data["story"],
            data["seconds"],
            data["cpu_seconds"],
            _time(data.get("graded_at")),  # an older grader wrote none
        )


def _text(time: datetime | None) -> str | None:
    return time.isoformat() if time else None


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
