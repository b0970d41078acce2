"""Gradescope's list of submissions, ``submission_metadata.yml``: a Ruby program's YAML, with
symbols for keys. A group's submission is listed once, with all who handed it in.

    submission_409194023:
      :submitters:
      - :name: Ada Lovelace
        :sid: '123456789'
        :email: ada@example.org
      :created_at: 2026-04-26 17:34:00.861687000 Z
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import yaml  # type: ignore[import-untyped]

from grader.classroom.intake import names
from grader.classroom.intake.handins import HandIn, Piece
from grader.classroom.intake.layouts import Found, plain
from grader.classroom.model import Student
from grader.errors import UsageError
from grader.report import escape

# All values are text, and nothing else can be made: a list, a mapping, or text.
_Loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_TIME = re.compile(
    r"(?P<date>\d{4}-\d\d-\d\d)[ T](?P<time>\d\d:\d\d:\d\d)(?P<fraction>\.\d+)?"
    r" ?(?P<zone>Z|UTC|[+-]\d\d:?\d\d)?"
)


def handins(found: Found, metadata: bytes) -> list[HandIn]:
    """One for each student, the newest where there are several; folders that the list does not name
    go by their own name. Raises UsageError for a list that can't be read.
    """
    listed = _listed(metadata)
    newest: dict[str, HandIn] = {}
    for name, about in listed.items():
        for handin in _of(name, about, name in found):
            kept = newest.setdefault(handin.identity, handin)
            if _age(handin) > _age(kept):
                newest[handin.identity] = handin
    rest = {name: is_folder for name, is_folder in found.items() if name not in listed}
    return list(newest.values()) + plain(rest)


def _listed(metadata: bytes) -> dict[str, dict[str, Any]]:
    listed: dict[str, dict[str, Any]] = {}
    try:
        # A long list comes in several documents.
        for document in filter(None, yaml.load_all(metadata, _Loader)):
            listed |= {str(name): _bare(about) for name, about in document.items()}
    except (yaml.YAMLError, AttributeError, ValueError, RecursionError) as error:
        words = escape.one_line(str(error), 200)
        raise UsageError(f"submission_metadata.yml makes no sense: {words}") from None
    return listed


def _bare(about: object) -> dict[str, Any]:
    """With keys that are no longer Ruby's symbols."""
    items = about.items() if isinstance(about, dict) else ()
    return {str(key).lstrip(":"): value for key, value in items}


def _of(name: str, about: dict[str, Any], is_there: bool) -> Iterator[HandIn]:
    """For each of those who handed it in together."""
    submitters = about.get("submitters")
    group = [each for each in submitters if isinstance(each, dict)] if submitters else []
    notes = (f"handed in by a group of {len(group)}",) if len(group) > 1 else ()
    for submitter in group or [{"name": name}]:
        told = {key: str(value) for key, value in _bare(submitter).items()}
        student = _student(told, name)
        identity = told.get("email") or told.get("sid") or name
        pieces = (Piece(name),) if is_there else ()
        yield HandIn(student, identity, pieces, at=_at(about.get("created_at")), notes=notes)


def _student(told: dict[str, str], folder: str) -> Student:
    name, number, email = told.get("name", ""), told.get("sid", ""), told.get("email", "")
    key = names.key_of(name or folder, number, email or number or folder)
    return Student(
        key,
        names.shown(name or folder),
        id=names.shown(number),
        email=escape.one_line(email),
    )


def _at(text: object) -> datetime | None:
    match = _TIME.fullmatch(str(text).strip())
    if not match:
        return None
    zone = match["zone"] or "Z"
    fraction = (match["fraction"] or ".0")[:7]
    words = f"{match['date']}T{match['time']}{fraction}{'+00:00' if zone in ('Z', 'UTC') else zone}"
    try:
        return datetime.fromisoformat(words)
    except ValueError:
        return None


def _age(handin: HandIn) -> tuple[datetime, tuple[str, ...]]:
    return handin.at or datetime.min.replace(tzinfo=UTC), tuple(p.name for p in handin.pieces)
