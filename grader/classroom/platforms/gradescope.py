"""Writes gradescope-lab3.zip, an autograder for Gradescope's programming assignments.

Its format is that of Gradescope's documentation, "Autograder Specifications": setup.sh and
run_autograder at the top of a zip, which is unpacked to /autograder/source. gradescope/README.md,
which goes into the zip, says what the container defends and what it does not.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from grader import packing
from grader.classroom.exports import gradescope as export
from grader.classroom.model import Student
from grader.classroom.platforms import contents, options
from grader.classroom.platforms.one import ASSIGNMENT, POLICY, Assignment, broken
from grader.classroom.policy import Policy
from grader.labs import Lab
from grader.packing import Member
from grader.tree import ROOT, newest_commit_s

_SCRIPTS = Path(__file__).with_name("gradescope")
_MOST_MINUTES = 40  # "Troubleshooting": the highest timeout that an assignment can have


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Those of ``python -m grader.classroom gradescope``."""
    options.add(parser, _MOST_MINUTES)


def main(arguments: argparse.Namespace) -> int:
    """Writes the zip and prints its path and seed. Raises UsageError."""
    chosen = options.chosen(arguments)
    path = make(chosen.lab, chosen.assignment, chosen.policy, chosen.out)
    options.tell([path], chosen.assignment.seed)
    return 0


def make(lab: Lab, assignment: Assignment, policy: Path | None, out: Path) -> Path:
    """Writes the zip into ``out``. Two runs on one commit give the same bytes."""
    members = contents.of(lab, ROOT)
    members |= packing.read(_SCRIPTS, ("setup.sh", "run_autograder", "README.md"))
    members[ASSIGNMENT] = Member(assignment.written())
    if policy:
        members[POLICY] = Member(policy.read_bytes())
    nothing = broken(assignment, Student("submission", ""), "the grader did not come to an end")
    results = export.render(nothing, Policy.read(policy))
    members["grader-error.json"] = Member(results.encode())
    data = packing.zipped(members, newest_commit_s(ROOT))
    return packing.write(out / f"gradescope-lab{lab.number}.zip", data)
