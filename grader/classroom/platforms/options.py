"""The options that all platforms share."""

from __future__ import annotations

import argparse
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from grader.classroom.platforms.one import Assignment
from grader.classroom.policy import Policy
from grader.errors import UsageError
from grader.labs import LABS, Lab

_FEWEST_MINUTES = 5
_MOST_SEED_DIGITS = 18  # as SEED has for the grader


@dataclass(frozen=True)
class Chosen:
    """What the instructor chose, checked."""

    lab: Lab
    assignment: Assignment
    policy: Path | None
    out: Path


def add(parser: argparse.ArgumentParser, minutes: int) -> None:
    """``minutes`` is what the platform gives a submission at most."""
    parser.add_argument("--lab", required=True, metavar="N", help="the lab that is graded")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where it goes")
    parser.add_argument(
        "--seed", metavar="N", help="of all random choices (default: drawn, printed and kept)"
    )
    parser.add_argument(
        "--policy", type=Path, metavar="FILE", help="points, late days and hints (TOML)"
    )
    parser.add_argument(
        "--minutes",
        type=int,
        default=minutes,
        metavar="N",
        help=f"the platform's timeout for a submission (default {minutes})",
    )


def chosen(arguments: argparse.Namespace, unsafe: bool = False) -> Chosen:
    """Raises UsageError for what can't be meant, before anything is written."""
    lab = next((lab for lab in LABS if str(lab.number) == arguments.lab), None)
    if lab is None:
        raise UsageError(f"there is no lab '{arguments.lab}': it is one of 1 to {len(LABS)}")
    seed: str = arguments.seed or str(secrets.randbelow(10**9))
    if not (seed.isascii() and seed.isdigit()) or len(seed) > _MOST_SEED_DIGITS:
        raise UsageError(f"--seed {seed}: a seed is a whole number from 0 on")
    if arguments.minutes < _FEWEST_MINUTES:
        raise UsageError(f"--minutes {arguments.minutes}: at least {_FEWEST_MINUTES}")
    Policy.read(arguments.policy)
    try:
        arguments.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{arguments.out}: can't write there: {error.strerror}") from error
    assignment = Assignment(lab.number, int(seed), arguments.minutes, unsafe)
    return Chosen(lab, assignment, arguments.policy, arguments.out)


def tell(paths: Iterable[Path], seed: int) -> None:
    """Prints what was written, and what gives the same again."""
    for path in paths:
        print(path)
    print(f"seed {seed}: with SEED={seed} the same is made again")
