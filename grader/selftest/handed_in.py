"""Submissions for the tests of the intake: a lab's files, and archives of all kinds of members."""

from __future__ import annotations

import io
import os
import sys
import tarfile
import zipfile
from collections.abc import Iterable
from pathlib import Path

from grader.classroom.intake import take
from grader.classroom.model import Submission
from grader.labs import LABS, Lab
from grader.run.build import sources
from grader.selftest.harness import ROOT

LAB = LABS[2]
MOODLE = "Ada Lovelace_12345_assignsubmission_file"


def lab_files(folder: str = LAB.folder, top: str = "labs") -> dict[str, bytes]:
    """The C files of a lab's folder, by their paths in the tree."""
    return {f"{folder}/{name}": data for name, data in sources(ROOT / top / folder).items()}


def lay(folder: Path, files: dict[str, bytes]) -> Path:
    """Writes files into a folder."""
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def zipped(files: dict[str, bytes] | Iterable[tuple[str, bytes]]) -> bytes:
    """A zip archive; a list may hold a name twice."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items() if isinstance(files, dict) else files:
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def tarred(
    files: dict[str, bytes], mode: str = "w:gz", others: Iterable[tarfile.TarInfo] = (), **how: int
) -> bytes:
    """A tar archive, with further members that are no files."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode=mode, **how) as archive:  # type: ignore[call-overload]
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
        for member in others:
            archive.addfile(member)
    return packed.getvalue()


def taken(folder: Path, layout: str | None = None) -> list[Submission]:
    """All submissions to ``LAB`` in a folder."""
    return list(take(folder, LAB, layout))


def only(folder: Path) -> Submission:
    """The one submission in a folder."""
    (submission,) = taken(folder)
    return submission


# What no reading causes. Arguments of an "open" are a path, a mode and flags.
_TRACES = tuple(
    "os.mkdir os.rename os.link os.symlink os.remove os.rmdir os.truncate os.chmod os.chown"
    " os.utime os.fork os.exec os.posix_spawn os.system subprocess.Popen socket. shutil."
    " tempfile.".split()
)
_seen: list[str] = []
_watching = False


def _watch(event: str, arguments: tuple[object, ...]) -> None:
    if not _watching:
        return
    is_open = event == "open" and isinstance(arguments[2], int)
    writes = is_open and bool(int(str(arguments[2])) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
    if writes or event.startswith(_TRACES):
        _seen.append(f"{event} {arguments}")


sys.addaudithook(_watch)


def watched(folder: Path, lab: Lab = LAB) -> list[Submission]:
    """As ``taken``, and fails if anything was written, made, removed or started meanwhile."""
    global _watching
    _seen.clear()
    _watching = True
    try:
        submissions = list(take(folder, lab))
    finally:
        _watching = False
    assert _seen == []
    return submissions
