"""The handouts' exercises: the seed makes them, each has an answer, and the samples in the chapters
are what they print.
"""

from __future__ import annotations

import importlib
import random
import re
import subprocess
import sys

import pytest

from grader.selftest.harness import ROOT

LABS = sorted(path.parent.name for path in (ROOT / "handouts" / "examples").glob("*/exercises.py"))
KINDS = [
    (lab, kind)
    for lab in LABS
    for kind in importlib.import_module(f"handouts.examples.{lab}.exercises").EXERCISES
]
SHOWN = re.compile(
    r"^\$ python3 -m (handouts\.examples\.\w+\.exercises .*)\n((?:(?!\$ |```).*\n)*)", re.M
)


@pytest.mark.parametrize(("lab", "kind"), KINDS)
def test_an_exercise_depends_on_its_seed_alone(lab: str, kind: str) -> None:
    make = importlib.import_module(f"handouts.examples.{lab}.exercises").EXERCISES[kind]
    made = [make(random.Random(f"{kind} {seed}")) for seed in range(40)]
    assert made == [make(random.Random(f"{kind} {seed}")) for seed in range(40)]
    assert all(question.strip() and answer.strip() for question, answer in made)
    assert len(set(made)) > 20


@pytest.mark.parametrize("lab", LABS)
def test_the_samples_in_a_chapter_are_what_is_printed(lab: str) -> None:
    """Lines may be left out where the chapter has an ellipsis."""
    samples = SHOWN.findall((ROOT / "handouts" / f"{lab}.md").read_text(encoding="utf-8"))
    assert samples
    for command, shown in samples:
        words = [sys.executable, "-m", *command.split()]
        done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
        for part in re.split(r"^…\n", shown, flags=re.MULTILINE):
            assert part in done.stdout, command
