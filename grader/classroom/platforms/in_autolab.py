"""On Autolab's instance: ``python -m grader.classroom.platforms.in_autolab PACKAGE HANDIN`` grades
what was handed in, tells the student what was found, and prints the autoresult last.
"""

from __future__ import annotations

import sys
from pathlib import Path

from grader.classroom.exports import autolab
from grader.classroom.model import Student
from grader.classroom.platforms import one, taken
from grader.classroom.platforms.one import Assignment
from grader.report import escape

_ANONYMOUS = Student("submission", "")  # Autolab knows whose it is, and does not say so here


def main(package: Path, handin: Path) -> int:
    """What went wrong in the grader goes to stdout, too: it is all that Autolab keeps."""
    assignment, policy = Assignment.read(package), one.policy_of(package)
    try:
        lab = assignment.lab_known()
        submission = taken.take(handin, lab, _ANONYMOUS, "autolab", None)
        entry = one.grade(submission, assignment, policy, [package])
    except Exception as error:  # a bug of the grader is never the student's
        entry = one.broken(assignment, _ANONYMOUS, one.words_of(error))
    print(one.shown(entry, policy))
    if entry.story:
        print(escape.visible(f"GRADER-ERROR: {entry.story}"))
    print(autolab.render(entry, policy), end="", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
