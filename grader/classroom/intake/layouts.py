"""The layouts of exports: what the names in an export's folder say.

- Moodle ("Download all submissions", mod/assign/classes/downloader.php): a folder
  ``Full Name_ID_assignsubmission_file``, before Moodle 4.1 with a further ``_`` at its end, or flat
  files whose names begin like that.
- Canvas ("Download Submissions", lib/content_zipper.rb): flat files, named
  ``lastfirst[_LATE]_USER_ATTACHMENT_name``; anonymous ones ``[LATE_]anon_ID_ATTACHMENT_name``.
- Gradescope ("Export Submissions"): folders ``submission_N``, and ``submission_metadata.yml``.
- plain: a folder, an archive or a git checkout a student.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import TypeAlias

from grader.classroom.intake import names
from grader.classroom.intake.handins import HandIn, Piece
from grader.classroom.model import Student


class Layout(StrEnum):
    """Whose export it is."""

    MOODLE = "moodle"
    CANVAS = "canvas"
    GRADESCOPE = "gradescope"
    PLAIN = "plain"


METADATA = "submission_metadata.yml"

Found: TypeAlias = Mapping[str, bool]  # the names in a folder, and whether each is a folder

_MOODLE = re.compile(
    r"(?P<name>.+?)(_(?P<id>\d{1,20}))?_assignsubmission_(?P<kind>[a-z0-9]+)(_(?P<own>.*))?",
    re.DOTALL,
)
_CANVAS = re.compile(
    r"(?P<name>.+?)(?P<late>_LATE)?_(?P<id>\d{1,20})_"
    r"((?P<attachment>\d{1,20})_(?P<own>.+)|(text|link)\.html)",
    re.DOTALL,
)
_CANVAS_ANONYMOUS = re.compile(
    r"(?P<late>LATE_)?(?P<name>anon)_(?P<id>[A-Za-z0-9]{1,20})_"
    r"((?P<attachment>\d{1,20})_(?P<own>.+)|(text|link)\.html)",
    re.DOTALL,
)
_GRADESCOPE = re.compile(r"submission_\d{1,20}")
# What an instructor keeps beside submissions; a folder may be a student's, whatever its ending.
_NOT_HANDED_IN = re.compile(r"\..*|__MACOSX", re.IGNORECASE | re.DOTALL)
_FILE_NOT_HANDED_IN = re.compile(
    r".*\.(csv|xlsx?|ods|docx?|odt|txt|md|html?|pdf|json|ya?ml|toml|log)|Thumbs\.db|desktop\.ini",
    re.IGNORECASE | re.DOTALL,
)
_ARCHIVE = re.compile(
    r"(?P<stem>.+?)\.(zip|tar|tgz|tbz2?|txz|rar|7z|tar\.[a-z0-9]{1,4})", re.IGNORECASE | re.DOTALL
)


def detect(found: Found) -> Layout:
    """The layout that most of the names have."""
    if METADATA in found:
        return Layout.GRADESCOPE
    handed = handed_in(found)
    for layout, patterns in (
        (Layout.MOODLE, (_MOODLE,)),
        (Layout.CANVAS, (_CANVAS, _CANVAS_ANONYMOUS)),
    ):
        fit = [name for name in found if any(pattern.fullmatch(name) for pattern in patterns)]
        if fit and 2 * len(fit) >= len(handed):
            return layout
    return Layout.PLAIN


def handed_in(found: Found) -> list[str]:
    """The names that are not those of a list, or of a hidden file."""
    return [
        name
        for name, is_folder in found.items()
        if not _NOT_HANDED_IN.fullmatch(name)
        and (is_folder or not _FILE_NOT_HANDED_IN.fullmatch(name))
    ]


def moodle(found: Found) -> list[HandIn]:
    """Raises nothing; names that are not Moodle's are those of a plain folder."""
    pieces: dict[tuple[str, str], list[Piece]] = defaultdict(list)
    rest = {}
    for name, is_folder in found.items():
        match = _MOODLE.fullmatch(name)
        if match:
            is_file = match["kind"] == "file"
            own = (match["own"] or "") if is_file else "onlinetext.html"
            pieces[match["name"], match["id"] or ""].append(Piece(name, own))
        else:
            rest[name] = is_folder
    return [_moodle(*who, handed) for who, handed in pieces.items()] + plain(rest)


def _moodle(name: str, number: str, pieces: list[Piece]) -> HandIn:
    identity = f"{name}_{number}"
    return HandIn(_student(name, number, identity), identity, tuple(pieces))


def canvas(found: Found) -> list[HandIn]:
    """Canvas numbers attachments in the order of their upload."""
    handed: dict[tuple[str, str], list[tuple[int, Piece, bool]]] = defaultdict(list)
    rest = {}
    for name, is_folder in found.items():
        match = _CANVAS_ANONYMOUS.fullmatch(name) or _CANVAS.fullmatch(name)
        if match:
            piece = Piece(name, match["own"] or "entry.html")
            number = int(match["attachment"] or 0)
            handed[match["name"], match["id"]].append((number, piece, bool(match["late"])))
        else:
            rest[name] = is_folder
    return [_canvas(*who, files) for who, files in handed.items()] + plain(rest)


def _canvas(name: str, number: str, files: list[tuple[int, Piece, bool]]) -> HandIn:
    newest: dict[str, Piece] = {}
    files.sort(key=lambda file: (file[0], file[1].name), reverse=True)
    for _, piece, _ in files:
        newest.setdefault(piece.own, piece)
    older = len(files) - len(newest)
    notes = (f"{older} older files of the same name were left out",) if older else ()
    identity = f"{name}_{number}"
    return HandIn(
        _student(name, number, identity),
        identity,
        tuple(newest.values()),
        is_late=files[0][2],
        notes=notes,
    )


def plain(found: Found) -> list[HandIn]:
    """A student for each name without its ending; an archive goes before a folder of that name,
    which may have been unpacked from it.
    """
    pieces: dict[str, list[Piece]] = defaultdict(list)
    for name in handed_in(found):
        stem = without_ending(name)
        pieces[stem].append(Piece(name, name if stem != name else ""))
    return [_plain(stem, handed) for stem, handed in pieces.items()]


def _plain(stem: str, pieces: list[Piece]) -> HandIn:
    first, *others = sorted(pieces, key=lambda piece: (not piece.own, piece.name))
    notes = [f"{names.shown(other.name)} lies beside it, and was not looked at" for other in others]
    return HandIn(_student(stem, "", stem), stem, (first,), notes=tuple(notes))


def without_ending(name: str) -> str:
    """An archive's name without what says that it is one."""
    match = _ARCHIVE.fullmatch(name)
    return match["stem"] if match else name


def _student(name: str, number: str, identity: str) -> Student:
    return Student(names.key_of(name, number, identity), names.shown(name), names.shown(number))


def platform_names(found: Iterable[str], layout: Layout) -> list[str]:
    """Those of the names that the layout's platform gave."""
    patterns = {
        Layout.MOODLE: (_MOODLE,),
        Layout.CANVAS: (_CANVAS, _CANVAS_ANONYMOUS),
        Layout.GRADESCOPE: (_GRADESCOPE,),
    }
    return [name for name in found if any(p.fullmatch(name) for p in patterns.get(layout, ()))]
