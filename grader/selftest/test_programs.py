"""Correct programs pass, broken ones fail in the stage meant for them, and the starter fails
politely.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from grader import labs
from grader.labs.stage import VALGRIND
from grader.selftest.harness import (
    Broken,
    broken_sample,
    grade,
    missing,
    require,
    variant_tree,
    variants,
)

ROOT = Path(__file__).resolve().parents[2]


LABS = [str(lab.number) for lab in labs.LABS]


@pytest.mark.parametrize("seed", [1, 987654321])
@pytest.mark.parametrize("lab", LABS)
def test_the_reference_passes_every_stage(tmp_path: Path, lab: str, seed: int) -> None:
    run = grade(tmp_path / "out", "lab", lab, WORK="solutions", ALL=1, SEED=seed)
    assert set(run.verdicts().values()) == {"PASS"}, run.stdout
    assert run.result is not None
    assert (run.result.points, run.result.max_points, run.status) == (100, 100, 0)


@pytest.mark.parametrize(
    ("lab", "variant"),
    variants(),
    ids=lambda value: value.name if isinstance(value, Path) else value,
)
def test_a_correct_variant_passes(tmp_path: Path, lab: str, variant: Path) -> None:
    work = variant_tree(variant, tmp_path / "work")
    run = grade(tmp_path / "out", "lab", lab, WORK=work, ALL=1, BORROW=missing(lab, work))
    assert set(run.verdicts().values()) <= {"PASS", "SKIPPED"}, run.stdout
    assert run.result is not None
    assert (run.result.points, run.status) == (100, 0), run.stdout


@pytest.mark.parametrize("broken", broken_sample(), ids=lambda broken: broken.id)
def test_a_broken_program_fails_where_it_should(tmp_path: Path, broken: Broken) -> None:
    """A bug that is a race shows in one of five runs."""
    work = broken.make(tmp_path / "work")
    for seed in range(1, 6):
        run = grade(
            tmp_path / "out",
            "lab",
            broken.lab,
            WORK=work,
            STAGE=broken.stage,
            BORROW=missing(broken.lab, work),
            REPEAT=0,
            SEED=seed,
        )
        if run.verdicts()[broken.stage] != "PASS":
            break
    assert run.result is not None
    stage = next(stage for stage in run.result.stages if stage.id == broken.stage)
    assert stage.failure is not None, run.stdout + run.stderr
    assert stage.verdict in broken.verdicts, run.stdout
    assert not broken.diagnoses or stage.failure.diagnosis_id in broken.diagnoses, run.stdout
    assert run.status == 1


@pytest.mark.parametrize("lab", LABS)
def test_the_starter_fails_the_first_stage_politely(tmp_path: Path, lab: str) -> None:
    run = grade(tmp_path / "out", "lab", lab, WORK="labs", BORROW=missing(lab, Path()))
    verdicts = run.verdicts()
    assert run.status == 1
    assert verdicts.pop(f"{lab}.1") == "WRONG"
    assert set(verdicts.values()) == {"SKIPPED"}
    assert run.result is not None and run.result.stages[0].failure is not None
    if lab in ("1", "2"):  # of a codec there are only results, and no words
        assert "Function not implemented" in run.result.stages[0].failure.stderr


@pytest.mark.parametrize(
    ("lab", "extensions"),
    [
        ("1", range(15, 20)),
        ("2", range(18, 26)),
        ("3", range(14, 17)),
        ("4", range(11, 13)),
        ("5", range(20, 21)),
        ("6", range(21, 23)),
    ],
)
def test_extensions_of_the_starter_are_not_attempted(
    tmp_path: Path, lab: str, extensions: range
) -> None:
    run = grade(tmp_path / "out", "lab", lab, WORK="labs", ALL=1)
    verdicts = run.verdicts()
    assert {verdicts[f"{lab}.{number}"] for number in extensions} == {"SKIPPED"}, run.stdout


def test_valgrind_finds_the_use_of_what_was_never_set(tmp_path: Path) -> None:
    """The sanitizers do not: the program passes without it."""
    require("valgrind", Path(VALGRIND[0]).exists())
    work = shutil.copytree(ROOT / "solutions", tmp_path / "work")
    server = work / "lab1-echo" / "echo_server.c"
    listening = '    printf("listening'
    never_set = "    char *mode = malloc(1);\n    if (*mode == 'v')\n        return 1;\n"
    text = server.read_text()
    assert text.count(listening) == 1
    server.write_text(text.replace(listening, never_set + listening))
    assert grade(tmp_path / "out", WORK=work, STAGE="1.2").verdicts()["1.2"] == "PASS"
    run = grade(tmp_path / "out", WORK=work, STAGE="1.2", VALGRIND=1)
    assert run.verdicts()["1.2"] == "SANITIZER", run.stdout
    assert "uninitialised" in run.stdout
    whole = grade(tmp_path / "out", WORK="solutions", STAGE="1.2", VALGRIND=1)
    assert whole.verdicts()["1.2"] == "PASS", whole.stdout
