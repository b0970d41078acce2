"""Grades the one submission of a container, where class mode grades a folder of them.

The container is the isolation of the class: each submission has a fresh one, and what a program
does to it is gone with it. What is left to protect is the grading itself, and ``why_unsafe`` says
whether a program could get at that.
"""

from __future__ import annotations

import json
import os
import subprocess
import traceback
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

from grader.classroom import grading
from grader.classroom.exports.result import number
from grader.classroom.exports.scored import scored
from grader.classroom.exports.student import NOT_JUDGED, facts
from grader.classroom.grading import Order
from grader.classroom.model import Entry, Handed, Stamp, Status, Student, Submission
from grader.classroom.policy import Policy
from grader.errors import MachineError, UsageError
from grader.labs import LABS, Lab
from grader.report import escape
from grader.run import isolation

ASSIGNMENT = "assignment.json"
POLICY = "policy.toml"
_NOBODY = 65_534
_SPARE_S = 60  # of the platform's time, for what comes after the grading


@dataclass(frozen=True)
class Assignment:
    """What a platform's package was made for. ``minutes`` is what the platform gives a submission;
    ``unsafe`` grades also where a program could get at the grading.
    """

    lab: int
    seed: int
    minutes: int
    unsafe: bool = False

    @staticmethod
    def read(package: Path) -> Assignment:
        """The one that was written into the package."""
        return Assignment(**json.loads((package / ASSIGNMENT).read_text()))

    def lab_known(self) -> Lab:
        """Packages are made for labs that there are."""
        return LABS[self.lab - 1]

    def written(self) -> bytes:
        return (json.dumps(asdict(self), indent=2) + "\n").encode()

    @property
    def most_s(self) -> float:
        """How long a grading may take: the platform must not end it, for then nothing is told."""
        return self.minutes * 60.0 - _SPARE_S


def policy_of(package: Path) -> Policy:
    """The instructor's, if the package has one."""
    return Policy.read(package / POLICY if (package / POLICY).exists() else None)


def why_unsafe(private: list[Path]) -> str:
    """How a student's program could read or change ``private``, or "" if it can't.

    A grader that runs as root gives programs a user id of their own. Another one needs namespaces,
    since else a program has the grader's own user.
    """
    if os.geteuid() != 0:
        reason = isolation.why_not_namespaces()
        return reason and f"the grader is not root, and there are no namespaces: {reason}"
    look = (
        'for path; do for may in r w x; do test "-$may" "$path" && echo "$path"; done; done; true'
    )
    try:
        done = subprocess.run(
            ["/bin/sh", "-c", look, "sh", *map(str, private)],
            capture_output=True, text=True, check=True, cwd="/",
            user=_NOBODY, group=_NOBODY, extra_groups=[],
        )  # fmt: skip
    except OSError as error:
        return f"there is no other user id for students' programs: {error.strerror}"
    reached = sorted(set(done.stdout.splitlines()))
    return f"other users can get at {', '.join(reached)}" if reached else ""


def grade(
    submission: Submission, assignment: Assignment, policy: Policy, private: list[Path]
) -> Entry:
    """Grades it, once nobody but the grader can get at ``private``. Raises MachineError where
    somebody can, and UsageError.
    """
    reason = "" if assignment.unsafe else why_unsafe(private)
    if reason:
        raise MachineError(f"nothing is graded, since a program could get at the grading: {reason}")
    order = Order(
        assignment.lab,
        assignment.seed,
        unsafe=True,
        hint_tier=policy.highest_tier,
        most_s=assignment.most_s,
    )
    with TemporaryDirectory(prefix="echo-to-raft-") as kept:
        return grading.grade(submission, order, Path(kept) / "students" / submission.student.key)


def broken(assignment: Assignment, student: Student, words: str) -> Entry:
    """The entry of a submission that could not be graded, through no fault of the student."""
    stamp = Stamp("", "", "", "", assignment.lab, assignment.seed)
    return Entry(student, Handed("submission", "", ""), stamp, Status.QUARANTINED, story=words)


def words_of(error: Exception) -> str:
    """What a person needs who looks for the cause."""
    if isinstance(error, (MachineError, UsageError)):
        return str(error)
    return "".join(traceback.format_exception(error))


def shown(entry: Entry, policy: Policy) -> str:
    """What the student reads where a platform shows what was printed. It is safe to print."""
    if entry.status is Status.QUARANTINED:
        return NOT_JUDGED
    parts = [f"{name}: {text}" for name, text in facts(entry, policy)]
    for stage in scored(entry, policy):
        points = f"{number(stage.points or Decimal(0))} of {number(stage.worth)}"
        parts.append(f"{stage.id} {stage.title}: {points}")
        parts += [] if stage.passed else [stage.words()]
    return escape.visible("\n".join(parts))


def told(entry: Entry) -> str:
    """What became of it, for the instructor's eyes. It is safe to print."""
    lines = [f"lab {entry.stamp.lab}, seed {entry.stamp.seed}: {entry.status}"]
    if entry.stamp.isolation:
        lines.append(f"isolation: {entry.stamp.isolation}; {entry.stamp.toolchain}")
    lines += filter(None, (entry.handed.refused, *entry.handed.notes, entry.story))
    if entry.result:
        lines += (f"{stage.id} {stage.verdict} {stage.note}" for stage in entry.result.stages)
    return escape.visible("\n".join(lines))
