"""What lies in the folder that the instructor named: the export, or an export in something else."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path

from grader.classroom.intake import layouts
from grader.classroom.intake.bounds import ENTRIES, UNPACKED_BYTES
from grader.classroom.intake.layouts import Found, Layout
from grader.classroom.intake.zips import DIRECTORY_ENTRY
from grader.errors import UsageError
from grader.report import escape
from grader.run.files import regular_file

_MOST_ENTRIES = 10 * ENTRIES  # of the archive of a class


def names_in(folder: Path) -> Found:
    """In order. Raises UsageError where there is no such folder."""
    try:
        with os.scandir(folder) as entries:
            found = {entry.name: entry.is_dir(follow_symlinks=False) for entry in entries}
    except OSError as error:
        raise UsageError(f"{folder}: no folder of submissions: {error.strerror}") from None
    return dict(sorted(found.items()))


def none_within(folder: Path, found: Found) -> None:
    """Raises UsageError for an export in a folder or an archive of its own. It is not taken without
    a word: a lone student could make a folder that looks like one, and hand in for others.
    """
    handed = layouts.handed_in(found)
    if len(set(map(layouts.without_ending, handed))) != 1:
        return
    for name in handed:
        within = layouts.detect(_within(folder / name, is_folder=found[name]))
        if within is not Layout.PLAIN:
            mend = "name that folder" if found[name] else "unpack it"
            raise UsageError(
                f"{folder}: holds only {escape.one_line(name)}, which looks like an export of "
                f"{within}: {mend}, or say that the layout is plain"
            )


def without_itself(folder: Path, kind: Layout, found: Found) -> Found:
    """Without the archive of the export, where it lies beside what was unpacked from it."""
    if kind is Layout.PLAIN:
        return found
    given = layouts.platform_names(found, kind)
    return {
        name: is_folder
        for name, is_folder in found.items()
        if name in given or is_folder or layouts.detect(_within(folder / name)) is not kind
    }


def _within(path: Path, *, is_folder: bool = False) -> Found:
    """The names at the top of a folder or a zip archive; of one that holds a lone folder, those
    in that. None of anything else.
    """
    if is_folder:
        return names_in(path)
    paths = _zipped(path) if path.suffix.lower() == ".zip" else []
    tops = _tops(paths)
    if list(tops.values()) == [True] and layouts.detect(tops) is Layout.PLAIN:
        (top,) = tops
        return _tops([path.removeprefix(f"{top}/") for path in paths])
    return tops


def _tops(paths: list[str]) -> dict[str, bool]:
    tops: dict[str, bool] = {}
    for path in filter(None, paths):
        top, slash, _ = path.partition("/")
        tops[top] = tops.get(top, False) or bool(slash)
    return tops


def _zipped(path: Path) -> list[str]:
    """The paths in an archive, of bounded size and count."""
    data = regular_file(path, UNPACKED_BYTES)
    if data is None or len(data) > UNPACKED_BYTES or data.count(DIRECTORY_ENTRY) > _MOST_ENTRIES:
        return []
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return archive.namelist()
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
        return []
