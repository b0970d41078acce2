"""What the tree promises: same names, one page a header, stages that the handout explains."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from grader import engine
from grader.labs import LABS, Lab
from grader.labs.hints import hint_for
from grader.labs.stage import Stage
from grader.selftest.harness import ROOT

STAGES = [stage for lab in LABS for stage in engine.stages_of(lab)]

# The rows of the syllabus that each chapter teaches.
SYLLABUS = {
    1: (
        "A1 A2 A3 A4 A5 A6 A7 A8 A9 A10 A12 A13 A14 "
        "B1 B2 B3 B4 B5 B6 B7 B8 B9 B10 B11 B12 B13 B14 B15 B16 B17 B18 B19 B20 B21 B22 B23 B24 "
        "B25 B26 B32 "
        "D1 D2 D3 D4 D5 D6 D7 D9 D10 D27 D28 D29 D30 D37 D45 D46 D49 "
        "I1 I3 I11 I12 I13 "
        "E1 E2 E3 E5 E6 E7 E8 E9 E10 E11 E12 E13 E14 E15 E16 E22 E25 E26 E34 E35 E36 E39"
    ),
    2: (
        "A8 A11 A15 A20 A23 A24 B18 B27 B28 B29 B39 "
        "D8 D9 D11 D12 D13 D14 D15 D16 D17 D18 D19 D20 D21 D23 D27 D34 D47 "
        "I2 I8 I14 "
        "E17 E27 E32 E33 E34 E36 E38 E39 E40"
    ),
    3: "A21 A22 A26 B31 B33 B34 B35 B36 B37 B38 D39 I15 E24 E31",
    4: (
        "A16 A18 A28 A29 A30 B30 B34 B39 "
        "C1 C2 C3 C4 C5 C6 C7 C8 C9 C10 C11 C12 C13 "
        "D29 D38 D39 D40 D41 D42 D43 D48 I10 "
        "E24 E27 E28 E29 E30 E41 E42"
    ),
    5: (
        "A17 A19 A20 A27 C4 C5 "
        "D22 D23 D24 D25 D26 D32 D33 D35 D44 D50 D51 D52 D53 D56 D57 D60 "
        "I5 I6 I7 I16 "
        "E4 E18 E21 E23 E30 E37 E38 E42"
    ),
    6: (
        "A17 A21 A25 B37 C6 C8 C9 "
        "D31 D36 D54 D55 D56 D58 D59 D60 D61 D64 "
        "I4 I9 I10 "
        "E4 E19 E20 E21 E30 E37"
    ),
}


def test_labs_and_solutions_have_the_same_files() -> None:
    def names(top: str) -> set[str]:
        return {str(p.relative_to(ROOT / top)) for p in (ROOT / top).glob("lab*-*/**/*")}

    assert names("labs") == names("solutions")


@pytest.mark.parametrize("path", sorted((ROOT / "labs" / "include").glob("*.h")), ids=str)
def test_a_contract_is_one_page(path: Path) -> None:
    lines = path.read_text().splitlines()
    assert len(lines) <= 66
    assert max(map(len, lines)) <= 100


def test_files_stay_readable() -> None:
    for pattern in ("labs/**/*.[ch]", "solutions/**/*.[ch]", "grader/**/*.[ch]", "grader/**/*.py"):
        for path in ROOT.glob(pattern):
            if "starter" in path.parts:
                continue
            assert len(path.read_text().splitlines()) < 450, path


@pytest.mark.parametrize("lab", LABS, ids=lambda lab: lab.folder)
def test_main_stages_add_up_to_100(lab: Lab) -> None:
    stages = engine.stages_of(lab)
    assert sum(stage.points for stage in stages if not stage.extension) == 100
    assert [stage.id for stage in stages] == [f"{lab.number}.{n + 1}" for n in range(len(stages))]


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.id)
def test_a_stage_has_hints_and_a_place_in_the_handout(stage: Stage) -> None:
    assert all(len(tier) > 20 for tier in hint_for(stage.id))
    assert hint_for(stage.id).question.endswith("?")
    chapter, _, heading = stage.see.partition("#")
    text = (ROOT / "handouts" / f"{chapter}.md").read_text(encoding="utf-8")
    assert f"({chapter}-{heading})=" in text
    assert stage.title in text, f"the handout's table does not name '{stage.title}'"


@pytest.mark.parametrize("lab", LABS, ids=lambda lab: lab.folder)
def test_the_chapter_covers_the_syllabus(lab: Lab) -> None:
    text = (ROOT / "handouts" / f"lab{lab.number}.md").read_text(encoding="utf-8")
    marks = re.findall(r"^% syllabus: (.*)$", text, re.MULTILINE)
    covered = {row for mark in marks for row in re.findall(r"\b[ABCDEI]\d+\b", mark)}
    assert sorted(set(SYLLABUS[lab.number].split()) - covered) == []


def test_figures_say_what_they_show() -> None:
    for path in (ROOT / "handouts" / "figures").glob("*.svg"):
        text = path.read_text(encoding="utf-8")
        assert "<title" in text and "<desc" in text, path.name
