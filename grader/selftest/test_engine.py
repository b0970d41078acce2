"""The engine: order, stopping, a second look at failures, and errors that are the grader's own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from grader.selftest.harness import ROOT

STAGES = '''
from pathlib import Path
from grader.labs.stage import stage
from grader.verdicts import NotAttempted, StageFailure, fail

SEEN = []


@stage("1.2", "fails once", points=10, see="x")
def test_unstable(attempt):
    """It fails at the first look only."""
    SEEN.append(1)
    if len(SEEN) == 1:
        fail("the first look")


@stage("1.1", "passes", points=40, see="x")
def test_passes(attempt):
    """It passes."""


@stage("1.10", "is behind", points=20, see="x")
def test_behind(attempt):
    """It is the last of the main stages."""
    attempt.world.wait(lambda: False, "what never comes")


@stage("1.3", "breaks", points=30, see="x")
def test_breaks(attempt):
    """The grader has a bug here."""
    1 / 0


@stage("1.11", "an extension", points=10, see="x", extension=True)
def test_extension(attempt):
    """Nobody did it."""
    raise NotAttempted("as it was")
'''

DRIVER = """
import json, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from grader import engine
from grader.labs import LABS
from grader.run.isolation import Isolation
from grader.run.sandbox import Sandbox

class Silent:
    def begin(self, stage): pass
    def done(self, result): pass

class Builder:
    compiler, work, labs, files, borrowed = "cc", Path("work"), ("lab1-echo",), {}, ()

folder = Path(sys.argv[2])
engine.STAGES = folder
plan = engine.Plan(
    LABS[0], 1, sys.argv[3] or None, sys.argv[4] == "1", shared_deadline_s=float(sys.argv[5])
)
sandbox = Sandbox(Isolation("limits", "a test", None), folder, folder)
result = engine.run(plan, sandbox, Builder(), folder / "traces", Silent())
print(json.dumps({**result.to_json(), "status": result.exit_status(plan.only)}))
"""

IMPATIENT = """
from grader.labs.stage import stage
from grader.verdicts import fail

SEEN = []


def later(world, seconds):
    world._started -= seconds
    world._end -= seconds


def look(attempt, hangs):
    SEEN.append(attempt.stage.id)
    if hangs:
        attempt.world.wait(lambda: False, "what never comes")


@stage("1.1", "hangs, and again", points=20, see="x", seconds=0.1)
def test_first(attempt):
    look(attempt, True)


@stage("1.2", "hangs as well", points=20, see="x", seconds=0.1)
def test_second(attempt):
    look(attempt, True)


@stage("1.3", "hangs for long", points=20, see="x", seconds=60)
def test_third(attempt):
    attempt.world.extend(1000)  # as the builder does
    later(attempt.world, 1019.9)
    look(attempt, True)


@stage("1.4", "is right", points=10, see="x", seconds=60)
def test_right(attempt):
    look(attempt, False)


@stage("1.5", "is wrong", points=10, see="x", seconds=60)
def test_wrong(attempt):
    look(attempt, False)
    fail("it is wrong" if SEEN.count("1.5") == 1 else "it had a second run")


@stage("1.6", "takes the rest", points=10, see="x", seconds=60)
def test_rest(attempt):
    later(attempt.world, 60)
    look(attempt, False)


@stage("1.7", "is right, too late", points=10, see="x", extension=True)
def test_late(attempt):
    look(attempt, False)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "lab1").mkdir()
    text = STAGES.replace('see="x")\ndef test_behind', 'see="x", seconds=0.2)\ndef test_behind')
    (tmp_path / "lab1" / "stages_made_up.py").write_text(text)
    (tmp_path / "pytest.ini").write_text((ROOT / "grader" / "labs" / "pytest.ini").read_text())
    return tmp_path


def run(folder: Path, only: str = "", go_on: bool = False, shared_s: float = 0) -> dict[str, Any]:
    options = [only, str(int(go_on)), str(shared_s)]
    words = [sys.executable, "-c", DRIVER, str(ROOT), str(folder), *options]
    done = subprocess.run(words, capture_output=True, text=True, cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def verdicts(result: dict[str, Any]) -> dict[str, str]:
    return {stage["id"]: stage["verdict"] for stage in result["stages"]}


def test_a_failure_that_does_not_repeat_stands_and_is_marked(folder: Path) -> None:
    result = run(folder)
    stage = result["stages"][1]
    assert (stage["id"], stage["verdict"], stage["unstable"], stage["points"]) == (
        "1.2",
        "WRONG",
        True,
        0,
    )
    assert verdicts(result) == {
        "1.1": "PASS",
        "1.2": "WRONG",
        "1.3": "SKIPPED",
        "1.10": "SKIPPED",
        "1.11": "SKIPPED",
    }
    assert (result["points"], result["max_points"], result["status"]) == (40, 100, 1)


def test_all_goes_on_and_an_error_of_the_grader_is_not_the_students(folder: Path) -> None:
    result = run(folder, go_on=True)
    assert verdicts(result) == {
        "1.1": "PASS",
        "1.2": "WRONG",
        "1.3": "GRADER-ERROR",
        "1.10": "HANG",
        "1.11": "SKIPPED",
    }
    assert "ZeroDivisionError" in result["stages"][2]["note"]
    assert "failure" not in result["stages"][2]
    assert result["status"] == 2


def test_one_stage_alone_decides_where_it_was_asked_for(folder: Path) -> None:
    assert run(folder, only="1.1")["status"] == 0
    assert run(folder, only="1.10")["status"] == 1


def test_a_hang_says_what_it_waited_for(folder: Path) -> None:
    stage = run(folder, only="1.10")["stages"][3]
    assert (
        stage["failure"]["summary"]
        == "waited 0.2 s for what never comes, in vain; so it was in a second run"
    )
    assert stage["unstable"] is False


def test_the_trace_holds_what_replay_needs(folder: Path) -> None:
    run(folder, only="1.10")
    head, *_ = (folder / "traces" / "lab1-1.10.jsonl").read_text().splitlines()
    assert {"lab": 1, "stage": "1.10", "seed": 1}.items() <= json.loads(head).items()


@pytest.fixture
def impatient(folder: Path) -> Path:
    (folder / "lab1" / "stages_made_up.py").write_text(IMPATIENT)
    return folder


def test_behind_two_that_hung_the_rest_share_a_deadline(impatient: Path) -> None:
    result = run(impatient, go_on=True, shared_s=40)
    assert verdicts(result) == {
        "1.1": "HANG",
        "1.2": "HANG",
        "1.3": "HANG",
        "1.4": "PASS",
        "1.5": "WRONG",
        "1.6": "PASS",
        "1.7": "SKIPPED",
    }
    said = [stage.get("failure", {}).get("summary") for stage in result["stages"]]
    assert said[0] == "waited 0.1 s for what never comes, in vain; so it was in a second run"
    assert said[1] == "waited 0.1 s for what never comes, in vain"
    assert said[2] == (
        "waited 20 s for what never comes, in vain; "
        "two stages before it hung, and all behind them share 40 s"
    )
    assert said[4] == "it is wrong"
    assert result["stages"][4]["unstable"] is False
    note = "behind stages that hung: the 40 s that the rest share are over"
    assert result["stages"][6]["note"] == note


def test_without_a_shared_deadline_a_stage_has_its_own(impatient: Path) -> None:
    text = IMPATIENT.replace("extend(1000)", "extend(0)")
    text = text.replace("seconds=60", "seconds=0.3").replace("-= seconds", "-= 0")
    (impatient / "lab1" / "stages_made_up.py").write_text(text)
    result = run(impatient, go_on=True)
    assert "waited 0.3 s" in result["stages"][2]["failure"]["summary"]
    assert "so it was in a second run" in result["stages"][2]["failure"]["summary"]
    assert verdicts(result)["1.7"] == "PASS"
