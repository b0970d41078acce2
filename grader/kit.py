"""The students' bundle: all that the labs need, no solution that is not released, the same bytes at
each run.
"""

from __future__ import annotations

import fnmatch
from pathlib import Path

from grader import packing, starters
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
    "grader/requirements/platform.*",
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
    places = {name: _place(name, released) for name in project_files(root)}
    files = packing.read(root, (name for name, place in places.items() if place))
    members = {f"{TOP}/{places[name]}": member for name, member in files.items()}
    return packing.write(out / NAME, packing.tar_gz(members, newest_commit_s(root)))


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
