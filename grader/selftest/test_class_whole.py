"""Class mode as an instructor runs it, on a small class; ``class_of.shows`` does the same with 200.

All of it goes through the commands.
"""

from __future__ import annotations

import subprocess
import sys

from grader.selftest.harness import GRADER_SECONDS, ROOT, grader_environment


def show(*words: str) -> str:
    """What the show prints; it must end well."""
    done = subprocess.run(
        [sys.executable, "-m", "grader.selftest.class_of.shows", *words, "--busy"],
        cwd=ROOT,
        env=grader_environment(ROOT / "out"),
        capture_output=True,
        text=True,
        timeout=GRADER_SECONDS,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("\nPASS\n")
    return done.stdout


def test_every_outcome_is_as_expected_and_nothing_stays() -> None:
    kinds = ("--kinds", "solution,broken,stray,archive,empty")
    printed = show("whole", "--lab", "1", "--size", "5", "--layout", "mixed", *kinds)
    assert "5 outcomes, 0 not as expected; 0 traces left" in printed


def test_a_run_that_was_killed_goes_on_where_it_was() -> None:
    kinds = ("--kinds", "unfinished,empty")
    printed = show("killed", "--lab", "1", "--size", "4", "--kills", "1", *kinds)
    assert "1 kills; grades.csv is the same" in printed
