"""What the user asks of a run: the command line, and what of it must stay the same for one OUT."""

from __future__ import annotations

import argparse
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grader.classroom.intake import Layout
from grader.classroom.policy import Policy
from grader.errors import UsageError
from grader.labs import LABS
from grader.report.escape import visible

_EPILOG = """\
Killed at any point and started again with the same options, it goes on. Where submissions, grader
or compiler have changed since, what is graded stays as it is; --only-changed grades it again. A
student who is not in SUBMISSIONS any more keeps the folder in OUT, and is left out of the exports.

exit status:
  0  all are graded, whatever their points; what held nothing to grade has none
  1  the same, but some submissions are quarantined: a person must look at them
  2  a wrong call, a machine that can't grade, or interrupted
"""


@dataclass(frozen=True)
class Call:
    """What the user asks for."""

    submissions: Path
    lab: int
    out: Path
    seed: int | None = None  # None: the one of this OUT, or a new one
    seed_per_student: bool = False
    policy: Path | None = None
    late: Path | None = None
    layout: str | None = None
    scheduler: str = ""
    workers: int | None = None
    only_changed: bool = False
    retry: bool = False
    unsafe: bool = False

    @staticmethod
    def of(arguments: argparse.Namespace) -> Call:
        """From what ``add_arguments`` made of the command line. Raises UsageError for an OUT that
        can't be meant.
        """
        call = Call(**{name: getattr(arguments, name) for name in Call.__dataclass_fields__})
        if call.out.resolve().is_relative_to(call.submissions.resolve()):
            words = "it lies among the submissions, and would be taken for one of them"
            raise UsageError(f"OUT={call.out}: {words}")
        return call


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``grade``."""
    parser.epilog = _EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    add = parser.add_argument
    add_class(parser)
    add("--out", type=Path, required=True, metavar="DIR", help="folder of results")
    words = "decides all random choices; drawn and noted in run.json unless given"
    add("--seed", type=_seed, metavar="N", help=words)
    add("--seed-per-student", action="store_true", help="each has another one, made of it")
    words = "points a stage, late days, highest hint tier (default: as last time)"
    add("--policy", type=Path, metavar="FILE", help=words)
    add_late(parser)
    where = parser.add_mutually_exclusive_group()
    words = "of Dask, such as tcp://host:8786: its workers grade, instead of this machine"
    where.add_argument("--scheduler", default="", metavar="ADDRESS", help=words)
    words = "so many at once on this machine (default: three for two CPUs)"
    where.add_argument("--workers", type=_positive, metavar="N", help=words)
    words = "grade again what has changed since, and show before and after"
    add("--only-changed", action="store_true", help=words)
    add("--retry", action="store_true", help="grade again what is quarantined")
    words = "grade without isolation where the machine has none: submissions then run as you"
    add("--unsafe", action="store_true", help=words)


def add_late(parser: argparse.ArgumentParser) -> None:
    """When students handed in."""
    words = "CSV of students and when they handed in, or days late (default: as last time)"
    parser.add_argument("--late", type=Path, metavar="FILE", help=words)


def add_class(parser: argparse.ArgumentParser) -> None:
    """Which submissions, to which lab."""
    add = parser.add_argument
    words = "folder with all that was handed in"
    add("submissions", type=_folder, metavar="SUBMISSIONS", help=words)
    add("--lab", type=_lab, required=True, metavar="N", help="the lab that was handed in")
    words = "whose export SUBMISSIONS is (default: found out)"
    add("--layout", choices=[str(one) for one in Layout], help=words)


def _folder(text: str) -> Path:
    if not text:
        raise argparse.ArgumentTypeError("missing: SUBMISSIONS=dir")
    if not Path(text).is_dir():
        raise argparse.ArgumentTypeError(f"{visible(text)!r} is no folder")
    return Path(text)


def _lab(text: str) -> int:
    if not text:
        raise argparse.ArgumentTypeError("missing: LAB=1, or another number")
    if text not in {str(lab.number) for lab in LABS}:
        raise argparse.ArgumentTypeError(f"there is no lab {visible(text)!r}: 1 to {len(LABS)}")
    return int(text)


def _seed(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 18:
        raise argparse.ArgumentTypeError("a whole number from 0 on, of at most 18 digits")
    return int(text)


def _positive(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text) < 1:
        raise argparse.ArgumentTypeError("a whole number from 1 on")
    return int(text)


_VARIABLES = {"highest_tier": "POLICY"}  # whose name is not the option's


def agreed(call: Call, policy: Policy, noted: dict[str, Any] | None) -> dict[str, Any]:
    """The options that decide results, as for run.json. Raises UsageError where they are others
    than those that this OUT was begun with.
    """
    asked = {
        "lab": call.lab,
        "submissions": str(call.submissions.resolve()),
        "layout": call.layout,
        "seed": call.seed,
        "seed_per_student": call.seed_per_student,
        "unsafe": call.unsafe,
        "highest_tier": policy.highest_tier,  # of hints: the reports hold them
    }
    if noted is None:
        return {**asked, "seed": secrets.randbelow(10**9) if call.seed is None else call.seed}
    if call.seed is None:
        asked["seed"] = noted.get("seed")
    for name, value in asked.items():
        if noted.get(name) != value:
            then, now = (visible(str(words)) for words in (noted.get(name), value))
            same = f"name another OUT=, or the same {_VARIABLES.get(name, name.upper())}="
            words = f"was begun with {name} {then}, and now it is {now}: {same}"
            raise UsageError(f"OUT={call.out} {words}")
    return asked
