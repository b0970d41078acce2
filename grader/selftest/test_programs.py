"""Correct programs pass, broken ones fail in the stage meant for them, and the starter fails
politely.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.selftest.harness import Broken, broken_programs, grade, variants

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("seed", [1, 987654321])
def test_the_reference_passes_every_stage(tmp_path: Path, seed: int) -> None:
    run = grade(tmp_path / "out", WORK="solutions", ALL=1, SEED=seed)
    assert set(run.verdicts().values()) == {"PASS"}, run.stdout
    assert run.result is not None
    assert (run.result.points, run.result.max_points, run.status) == (100, 100, 0)


@pytest.mark.parametrize("variant", variants(), ids=lambda path: path.name)
def test_a_correct_variant_passes(tmp_path: Path, variant: Path) -> None:
    run = grade(tmp_path / "out", WORK=variant, ALL=1)
    assert set(run.verdicts().values()) <= {"PASS", "SKIPPED"}, run.stdout
    assert run.result is not None
    assert (run.result.points, run.status) == (100, 0), run.stdout


@pytest.mark.parametrize("broken", broken_programs(), ids=lambda broken: broken.id)
def test_a_broken_program_fails_where_it_should(tmp_path: Path, broken: Broken) -> None:
    """A bug that is a race shows in one of three runs."""
    work = broken.make(tmp_path / "work")
    for seed in (1, 2, 3):
        run = grade(tmp_path / "out", WORK=work, STAGE=broken.stage, REPEAT=0, SEED=seed)
        if run.verdicts()[broken.stage] != "PASS":
            break
    assert run.result is not None
    stage = next(stage for stage in run.result.stages if stage.id == broken.stage)
    assert stage.failure is not None, run.stdout + run.stderr
    assert stage.verdict in broken.verdicts, run.stdout
    assert not broken.diagnoses or stage.failure.diagnosis_id in broken.diagnoses, run.stdout
    assert run.status == 1


def test_the_starter_fails_the_first_stage_politely(tmp_path: Path) -> None:
    run = grade(tmp_path / "out", WORK="labs")
    verdicts = run.verdicts()
    assert run.status == 1
    assert verdicts.pop("1.1") == "WRONG"
    assert set(verdicts.values()) == {"SKIPPED"}
    assert run.result is not None and run.result.stages[0].failure is not None
    assert "Function not implemented" in run.result.stages[0].failure.stderr


def test_extensions_of_the_starter_are_not_attempted(tmp_path: Path) -> None:
    run = grade(tmp_path / "out", WORK="labs", ALL=1)
    assert {run.verdicts()[f"1.{number}"] for number in range(15, 20)} == {"SKIPPED"}, run.stdout
