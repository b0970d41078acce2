"""Writes autograde-Makefile and autograde.tar for Autolab, and the recipe of an image.

Their form is that of Autolab's "Guide for Lab Authors". autolab/README.md, which comes with them,
says how they are set up, what the container defends and what it does not.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from grader import packing
from grader.classroom.platforms import contents, options
from grader.classroom.platforms.one import ASSIGNMENT, POLICY, Assignment
from grader.labs import Lab
from grader.packing import Member
from grader.tree import ROOT, newest_commit_s

_HERE = Path(__file__).parent
_BESIDE = {
    "README.md": _HERE / "autolab" / "README.md",
    "autograde-Makefile": _HERE / "autolab" / "autograde-Makefile",
    "Dockerfile": _HERE / "autolab" / "Dockerfile",
    "setup.sh": _HERE / "gradescope" / "setup.sh",
    "platform.txt": ROOT / "grader" / "requirements" / "platform.txt",
}
_MINUTES = 30


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Those of ``python -m grader.classroom autolab``."""
    options.add(parser, _MINUTES)
    words = "grade also where a student's program runs as the grader's own user"
    parser.add_argument("--unsafe", action="store_true", help=words)


def main(arguments: argparse.Namespace) -> int:
    """Writes the files and prints their paths and the seed. Raises UsageError."""
    chosen = options.chosen(arguments, unsafe=arguments.unsafe)
    paths = make(chosen.lab, chosen.assignment, chosen.policy, chosen.out)
    options.tell(paths, chosen.assignment.seed)
    return 0


def make(lab: Lab, assignment: Assignment, policy: Path | None, out: Path) -> list[Path]:
    """Writes them into ``out``. Two runs on one commit give the same bytes."""
    members = contents.of(lab, ROOT)
    members |= packing.read(_HERE / "autolab", ("driver.sh",))
    members[ASSIGNMENT] = Member(assignment.written())
    if policy:
        members[POLICY] = Member(policy.read_bytes())
    data = packing.tar_gz(members, newest_commit_s(ROOT))
    beside = [packing.write(out / name, path.read_bytes()) for name, path in _BESIDE.items()]
    return [packing.write(out / "autograde.tar", data), *beside]
