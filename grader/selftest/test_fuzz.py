"""The codecs under random bytes, for a short time: nothing is found in the solutions, and broken
programs are found at once. ``make fuzz`` is the long run.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from grader.fuzz import differential, native
from grader.fuzz.build import Builds, has_libfuzzer
from grader.fuzz.cases import KINDS, make
from grader.run.build import SOLUTIONS
from grader.selftest.harness import ROOT, broken_programs, grader_environment, require

# Broken programs, the target that finds each, and a word of what it says.
FOUND = {
    "resp-words-in-the-first-window": ("requests", "a word points into the window"),
    "resp-room-for-all-words": ("requests", "out-of-memory"),
    "resp-least-integer": ("replies", "runtime error"),
    "message-vote-reply-any-flag": ("messages", "encoded again"),
}


def broken(name: str, folder: Path) -> Path:
    program = next(one for one in broken_programs() if one.id == name)
    return program.make(folder / name)


def fuzz(name: str, work: Path, folder: Path, runs: int) -> native.Outcome:
    """A run from the seeds, the same each time."""
    target = next(target for target in native.TARGETS if target.name == name)
    out = folder / f"{work.name}-{name}"
    return native.run(target, Builds(work, folder), out, runs, 1, lambda words: None)


def test_nothing_is_found_in_the_solutions(tmp_path: Path) -> None:
    require("libfuzzer", has_libfuzzer())
    for target in native.TARGETS:
        outcome = fuzz(target.name, SOLUTIONS, tmp_path, 3000)
        assert outcome.reproducer is None, outcome.log.read_text(encoding="utf-8")
        assert outcome.runs >= 3000 and outcome.features > 100


def test_broken_programs_are_found_at_once(tmp_path: Path) -> None:
    require("libfuzzer", has_libfuzzer())
    for name, (target, says) in FOUND.items():
        outcome = fuzz(target, broken(name, tmp_path), tmp_path, 20_000)
        assert says in outcome.what, f"{name}: {outcome.what}"
        assert outcome.reproducer is not None and outcome.reproducer.is_file()


def found(work: Path, folder: Path, cases: int) -> list[differential.Finding]:
    builds = Builds(work, folder)
    drivers = {name: builds.driver(name) for name in set(differential.DRIVERS.values())}
    return list(differential.run(drivers, cases, 1, lambda done: None))


def test_solutions_and_the_graders_codec_agree(tmp_path: Path) -> None:
    """And a codec that swaps two fields both ways, which no round trip shows, is found."""
    assert found(SOLUTIONS, tmp_path, 3000) == []
    findings = found(broken("message-vote-index-term-swapped", tmp_path), tmp_path, 300)
    assert findings and findings[0].case.kind == "messages"
    assert "RequestVote(" in findings[0].words


def test_cases_depend_on_seed_and_number_alone() -> None:
    cases = [make(1, number) for number in range(60)]
    assert cases == [make(1, number) for number in range(60)]
    assert cases != [make(2, number) for number in range(60)]
    assert {case.kind for case in cases} == set(KINDS)


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"TARGET": "nonsense"}, "TARGET=nonsense: it is one of requests, "),
        ({"RUNS": "many"}, "RUNS=many"),
        ({"WORK": "/nowhere"}, "WORK=/nowhere"),
        ({"TARGET": "requests", "PATH": "/nowhere"}, "apt-get install clang libclang-rt-dev"),
    ],
)
def test_a_wrong_call_is_told_so(tmp_path: Path, variables: dict[str, str], says: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "grader.fuzz"],
        cwd=ROOT,
        env={**os.environ, **grader_environment(tmp_path), **variables},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2 and done.stdout == ""
    assert says in done.stderr and "Traceback" not in done.stderr


def test_a_finding_says_how_to_see_it(tmp_path: Path) -> None:
    """The whole way, from make to the reproducer's explanation."""
    require("libfuzzer", has_libfuzzer())
    work = broken("message-vote-reply-any-flag", tmp_path)
    done = subprocess.run(
        ["make", "-s", "fuzz", f"WORK={work}", "TARGET=messages", "RUNS=9000"],
        cwd=ROOT,
        env=grader_environment(tmp_path / "out"),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2, done.stdout + done.stderr  # make's own
    (line,) = [line for line in done.stdout.splitlines() if "what it holds" in line]
    explained = subprocess.run(
        ["make", "-s", *line.partition("make ")[2].split()],
        cwd=ROOT,
        env=grader_environment(tmp_path / "out"),
        capture_output=True,
        text=True,
    )
    assert explained.returncode == 0 and "vote_granted" in explained.stdout
