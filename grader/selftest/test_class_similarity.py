"""What similarity detectors are given."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from grader.classroom import __main__ as commands
from grader.classroom.similarity import joined, known_sources
from grader.labs import LABS
from grader.selftest.handed_in import LAB, lab_files, lay
from grader.selftest.harness import ROOT


def a_class(folder: Path) -> Path:
    """Two students and one who handed in nothing; one has a name that a spreadsheet would run."""
    lay(folder / "base", lab_files())
    lay(folder / "=1+1", {**lab_files(top="solutions"), "lab1-echo/net.c": b"int net;\n"})
    lay(folder / "nobody", {"essay.txt": b"none"})
    return folder


def laid_out(tmp_path: Path) -> Path:
    out = tmp_path / "out"
    words = ["similarity", str(a_class(tmp_path / "class")), "--lab", str(LAB.number)]
    assert commands.main([*words, "--out", str(out)]) == 0
    return out


def test_each_detector_finds_submissions_starter_and_known_sources(tmp_path: Path) -> None:
    out = laid_out(tmp_path)
    keys = {path.name for path in (out / "submissions").iterdir()}
    assert len(keys) == 2 and "base" in keys
    starter = ROOT / "labs" / LAB.folder
    assert {path.name for path in (out / "base").iterdir()} == {
        path.name for path in starter.glob("*.[ch]")
    }
    known = {path.name for path in (out / "known").iterdir()}
    assert {"solution", "resp-states", "resp-threads"} <= known
    for key in keys:  # of this lab alone
        assert not (out / "submissions" / key / "net.c").exists()
    readme = (out / "README.txt").read_text()
    assert "2 submissions" in readme
    for word in ("submissions", "known", "base", "dolos/base.c", "dolos/info.csv"):
        assert word in readme and (out / word).exists()


def test_dolos_gets_one_file_each_and_a_table_of_them(tmp_path: Path) -> None:
    dolos = laid_out(tmp_path) / "dolos"
    with (dolos / "info.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    files = {str(path.relative_to(dolos)) for path in dolos.glob("*/*.c")}
    assert {row["filename"] for row in table} == files
    assert {row["label"] for row in table} == {"submission", "known"}
    solution = known_sources(LAB)["solution"]
    assert (dolos / "known" / "solution.c").read_bytes() == joined(solution)


def test_names_are_apart_and_run_nowhere(tmp_path: Path) -> None:
    out = laid_out(tmp_path)
    with (out / "names.csv").open(newline="") as file:
        names = {row["key"]: row["name"] for row in csv.DictReader(file)}
    assert set(names) == {path.name for path in (out / "submissions").iterdir()}
    assert "'=1+1" in names.values()


def test_what_is_there_is_not_written_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["similarity", str(a_class(tmp_path / "class")), "--lab", "3", "--out", str(tmp_path)]
    assert commands.main(words) == 2
    assert "is there already" in capsys.readouterr().err


@pytest.mark.parametrize("lab", LABS, ids=lambda lab: lab.folder)
def test_every_lab_has_known_sources(lab: object) -> None:
    assert len(known_sources(lab)) >= 2  # type: ignore[arg-type]
