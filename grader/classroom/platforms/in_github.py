"""In GitHub Classroom's workflow: ``python -m grader.classroom.platforms.in_github SUBMISSION``
grades a checkout. LAB, SEED, MINUTES and POLICY, a policy file's text, say how, and nothing in the
checkout does. The result goes to the step's output ``result``.
"""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path
from tempfile import NamedTemporaryFile

from grader.classroom.exports import github
from grader.classroom.model import Student
from grader.classroom.platforms import one, taken
from grader.classroom.platforms.one import Assignment
from grader.classroom.policy import Policy
from grader.report import escape

_ANONYMOUS = Student("submission", "")


def main(folder: Path) -> int:
    """Whatever happened, there is a result: the reporter, which comes next, ends the workflow."""
    lab, seed, minutes = (int(os.environ[name]) for name in ("LAB", "SEED", "MINUTES"))
    assignment, policy = Assignment(lab, seed, minutes), Policy()
    try:
        policy = _policy(os.environ["POLICY"])
        submission = taken.take(folder, assignment.lab_known(), _ANONYMOUS, "github", None)
        entry = one.grade(submission, assignment, policy, [])
    except Exception as error:  # a bug of the grader is never the student's
        entry = one.broken(assignment, _ANONYMOUS, one.words_of(error))
    _say(one.shown(entry, policy) + escape.visible(f"\n{entry.story}"))
    with Path(os.environ["GITHUB_OUTPUT"]).open("a", encoding="utf-8") as outputs:
        outputs.write(f"result={github.output(entry, policy)}\n")
    return 0


def _policy(text: str) -> Policy:
    with NamedTemporaryFile("w", encoding="utf-8", suffix=".toml") as file:
        file.write(text)
        file.flush()
        return Policy.read(Path(file.name))


def _say(text: str) -> None:
    """A log's lines can be commands to the workflow; not these ("Workflow commands": stopping)."""
    token = secrets.token_hex(16)
    print(f"::stop-commands::{token}\n{text}\n::{token}::", flush=True)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
