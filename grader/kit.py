"""The students' bundle: all that the labs need, no solution that is not released, the same bytes at
each run.
"""

from __future__ import annotations

import fnmatch
import gzip
import io
import tarfile
from pathlib import Path

from grader import starters
from grader.errors import UsageError
from grader.labs import LABS, Lab
from grader.tree import ROOT, newest_commit_s, project_files

NAME = "echo-to-raft-kit.tar.gz"
TOP = "echo-to-raft"

# The first match decides (a star matches slashes too); what matches nothing stays out.
_STAYS_OUT = (
    "grader/selftest/*",
    "grader/classroom/*",
    "grader/requirements/book.*",
    "grader/requirements/class.*",
    "grader/requirements/dev.*",
    "handouts/conf.py",
)
_GOES_IN = (
    "Makefile",
    "README.md",
    "LICENSE",
    ".clang-format",
    ".gitignore",
    ".devcontainer/*",
    "labs/include/*",
    "labs/host/*",
    "labs/lab.mk",
    "labs/lab*-*/*",
    "grader/*",
    "handouts/*",
    "docs/*",
    "CONTRIBUTING.md",
)


def make_kit(out: Path, release: list[int], root: Path = ROOT) -> Path:
    """Writes the archive into ``out`` and returns its path. ``release`` numbers the labs whose
    solutions go in.

    Two runs on one commit give the same bytes. Raises UsageError for a number that is not a lab's,
    and in a kit.
    """
    if (root / starters.FOLDER).exists():
        raise UsageError("this is a kit already: 'make kit' works in the project's repository")
    released = [_lab(number).folder for number in release]
    members = {}
    for name in project_files(root):
        place = _place(name, released)
        if place:
            members[f"{TOP}/{place}"] = root / name
    path = out / NAME
    half = path.with_name(f"{NAME}.part")
    half.write_bytes(_archive(members, newest_commit_s(root)))
    half.replace(path)
    return path


def _lab(number: int) -> Lab:
    for lab in LABS:
        if lab.number == number:
            return lab
    raise UsageError(
        f"RELEASE={number}: there is no lab {number}, only "
        f"{', '.join(str(lab.number) for lab in LABS)}"
    )


def _place(name: str, released: list[str]) -> str:
    """Where a file of the project goes in the kit, or "" if it stays out."""
    if any(fnmatch.fnmatchcase(name, pattern) for pattern in _STAYS_OUT):
        return ""
    if any(name.startswith(f"solutions/{folder}/") for folder in released):
        return name
    if not any(fnmatch.fnmatchcase(name, pattern) for pattern in _GOES_IN):
        return ""
    return (
        f"{starters.FOLDER}/{name.removeprefix('labs/')}"
        if fnmatch.fnmatchcase(name, "labs/lab*-*/*")
        else name
    )


def _archive(members: dict[str, Path], mtime_s: int) -> bytes:
    """A gzip-compressed tar archive without names, owners and times of this machine."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, path in sorted(members.items()):
            data = path.read_bytes()
            member = tarfile.TarInfo(name)  # owner 0, and no owner's name
            member.size, member.mtime = len(data), mtime_s
            member.mode = 0o755 if path.stat().st_mode & 0o100 else 0o644
            archive.addfile(member, io.BytesIO(data))
    packed = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=packed, mtime=0) as compressed:
        compressed.write(plain.getvalue())
    return packed.getvalue()
