"""Writes all exports of a graded class anew, such as after a change of the policy."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from grader.classroom.exports import rebuild
from grader.classroom.policy import Policy
from grader.errors import UsageError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``report``."""
    parser.add_argument("out", type=Path, metavar="OUT", help="folder of a class's results")
    words = "TOML file: points of stages, late days, highest hint tier"
    parser.add_argument("--policy", type=Path, metavar="FILE", help=words)


def main(arguments: argparse.Namespace) -> int:
    """Exit status 1 where an entry could not be read, and was left out. Raises UsageError where
    there are no results.
    """
    out: Path = arguments.out
    if not (out / "students").is_dir():
        raise UsageError(f"{out}: there are no results of a class")
    problems: list[str] = []
    written = rebuild(out, Policy.read(arguments.policy), problems.append)
    for line in problems:
        print(line, file=sys.stderr)
    print(f"{len(written)} files")
    return 1 if problems else 0
