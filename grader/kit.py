"""The students' bundle: all that the labs need, no solution that is not released, the same bytes at
each run. kit.md is its README, and its help is help.txt without what can't work there.
"""

from __future__ import annotations

import fnmatch
import re
from pathlib import Path

from grader import packing, starters
from grader.errors import UsageError
from grader.labs import LABS, Lab
from grader.packing import Member
from grader.tree import ROOT, newest_commit_s, project_files

NAME = "echo-to-raft-kit"
TOP = "echo-to-raft"

_README = "grader/kit.md"
_HELP = "grader/help.txt"

# Commands for which a kit lacks the files, and what its help says of solutions unless some are
# released.
_NO_COMMANDS = re.compile(r"  make (book|kit|class|similarity|gradescope|test|lint|matrix|fuzz)\b")
_OF_SOLUTIONS = ("; solutions is the reference", "BORROW=3,4  the reference there")

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
)


def make_kit(out: Path, release: list[int], root: Path = ROOT) -> Path:
    """Writes the archive into ``out`` and returns its path. ``release`` numbers the labs whose
    solutions go in.

    Its name tells what it holds: with solutions, it is not for everybody. Two runs on one commit
    give the same bytes. Raises UsageError for a number that is not a lab's, and in a kit.
    """
    if starters.is_kit(root):
        raise UsageError("this is a kit already: 'make kit' works in the project's repository")
    released = [_lab(number).folder for number in release]
    places = {name: _place(name, released) for name in project_files(root)}
    files = packing.read(root, (name for name, place in places.items() if place))
    files[_HELP] = Member(kit_help(files[_HELP].data.decode(), released).encode())
    members = {f"{TOP}/{places[name]}": member for name, member in files.items()}
    with_solutions = "".join(f"-{number}" for number in sorted({*release}))
    name = f"{NAME}-with-solutions{with_solutions}" if release else NAME
    return packing.write(out / f"{name}.tar.gz", packing.tar_gz(members, newest_commit_s(root)))


def kit_help(text: str, released: list[str]) -> str:
    """What ``make help`` says in a kit with these solutions, of what it says here."""
    for words in () if released else _OF_SOLUTIONS:
        text = text.replace(words, "")
    kept = []
    for section in text.removesuffix("\n").split("\n\n"):
        lines = section.split("\n")
        left = [line.rstrip() for line in lines if not _NO_COMMANDS.match(line)]
        if len(left) > 1 or left == lines:  # else nothing is left but the heading
            kept.append("\n".join(left))
    return "\n\n".join(kept) + "\n"


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
    if name == _README:
        return "README.md"
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
