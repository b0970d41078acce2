"""From a folder of submissions to submissions in memory. Nothing is written, and no program runs:
git least of all, since a checkout's own configuration names programs for git to start.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

from grader.classroom.intake import exported, folders, gradescope, labfiles, layouts
from grader.classroom.intake.bounds import METADATA_BYTES
from grader.classroom.intake.handins import HandIn, unique
from grader.classroom.intake.harvest import Budget, Harvest, TooMuch
from grader.classroom.intake.layouts import Found, Layout
from grader.classroom.model import Handed, Submission
from grader.errors import UsageError
from grader.labs import Lab
from grader.report import escape
from grader.run.files import regular_file

# Canvas adds this to a file that is handed in again under its old name.
_AGAIN = re.compile(r"(?P<stem>[^/]+)-\d{1,2}(?P<ending>\.[ch])")


def take(folder: Path, lab: Lab, layout: str | None = None) -> Iterator[Submission]:
    """The submissions to a lab in the folder of an export, in the order of their keys; one at a
    time is in memory.

    ``layout`` names the platform (see ``Layout``) where the names in the folder do not tell. What
    can't be graded comes with ``handed.refused``. Raises UsageError for what only the instructor
    can mend, and nothing for what a student did.
    """
    kind, handins = _survey(folder, layout)
    return (_submission(folder, kind, handin, lab) for handin in unique(handins))


def _survey(folder: Path, layout: str | None) -> tuple[Layout, list[HandIn]]:
    wanted, found = _layout(layout), exported.names_in(folder)
    kind = wanted or layouts.detect(found)
    if wanted not in (None, Layout.PLAIN) and not layouts.platform_names(found, kind):
        raise UsageError(f"{folder}: no name in it is one that {kind} gives")
    if wanted is None and kind is Layout.PLAIN:
        exported.none_within(folder, found)
    handins = _read(folder, kind, exported.without_itself(folder, kind, found))
    if not handins:
        raise UsageError(f"{folder}: there are no submissions in it")
    return kind, handins


def _read(root: Path, kind: Layout, found: Found) -> list[HandIn]:
    if kind is Layout.MOODLE:
        return layouts.moodle(found)
    if kind is Layout.CANVAS:
        return layouts.canvas(found)
    if kind is Layout.PLAIN:
        return layouts.plain(found)
    metadata = regular_file(root / layouts.METADATA, METADATA_BYTES)
    if metadata is None or len(metadata) > METADATA_BYTES:
        raise UsageError(f"{root}: Gradescope's {layouts.METADATA} is not there, or too large")
    return gradescope.handins(found, metadata)


def _layout(name: str | None) -> Layout | None:
    try:
        return Layout(name) if name else None
    except ValueError:
        raise UsageError(f"{name} is no layout: there are {', '.join(Layout)}") from None


def _submission(root: Path, kind: Layout, handin: HandIn, lab: Lab) -> Submission:
    harvest = Harvest(Budget())
    try:
        found = _found(root, kind, handin, harvest, lab)
    except TooMuch as error:
        found = labfiles.LabFiles({}, refused=str(error))
    except Exception as error:  # one submission must never stop the others
        words = f"the intake broke on it ({type(error).__name__}), so a person must look"
        found = labfiles.LabFiles({}, refused=words)
    handed = Handed(
        source=_source(handin),
        layout=kind.value,
        sha256=sha256_of(found.files),
        at=handin.at,
        is_late=handin.is_late,
        missing=found.missing,
        extra=found.extra,
        notes=(*handin.notes, *found.notes),
        refused=found.refused,
    )
    return Submission(handin.student, handed, found.files)


def _found(
    root: Path, kind: Layout, handin: HandIn, harvest: Harvest, lab: Lab
) -> labfiles.LabFiles:
    if not handin.pieces:
        return labfiles.LabFiles({}, refused="the export lists the student, and holds no files")
    at = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for piece in reversed(handin.pieces):
            folders.take(piece.name, at, piece.own, harvest)
    finally:
        os.close(at)
    if kind is Layout.CANVAS:
        _undo_renames(harvest.sources)
    return labfiles.find(harvest, lab, tuple(piece.own for piece in handin.pieces))


def _undo_renames(sources: dict[str, bytes]) -> None:
    """Of loose files that were handed in again, where another file or the lab asks for the name."""
    handed = dict(sources)
    sources.clear()
    for path, data in handed.items():  # the newest is the last
        match = _AGAIN.fullmatch(path)
        name = f"{match['stem']}{match['ending']}" if match else ""
        is_meant = bool(name) and (bool(labfiles.owner(name)) or _is_included(name, handed))
        sources[name if is_meant else path] = data


def _is_included(name: str, sources: dict[str, bytes]) -> bool:
    return any(f'"{name}"'.encode() in data for data in sources.values())


def _source(handin: HandIn) -> str:
    names = [escape.one_line(piece.name) for piece in handin.pieces]
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return names[0] + more if names else ""


def sha256_of(files: dict[str, bytes]) -> str:
    """Of all files with their paths and sizes."""
    digest = hashlib.sha256()
    for path, data in sorted(files.items()):
        digest.update(f"{path}\0{len(data)}\0".encode() + data)
    return digest.hexdigest()
