"""OUT of a class, after a run that died anywhere, and what a run shows of itself."""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from grader.classroom.folder import Folder
from grader.classroom.model import Entry, Stamp, Status, Student
from grader.classroom.plan import State, expected, make_plan
from grader.classroom.progress import Progress, changes, points, span
from grader.classroom.stamps import Order
from grader.errors import UsageError
from grader.selftest.class_stubs import result, submission

STAMP = Stamp("", "", "", "limits", 4, 1)


def entry(key: str, word: str) -> Entry:
    handed = submission(key, word)
    return Entry(handed.student, handed.handed, STAMP, Status.GRADED, result(word), "", 2.0)


def files(key: str, text: str) -> dict[str, bytes]:
    names = (f"students/{key}/report.html", f"quarantine/{key}/story.txt")
    return {name: text.encode() for name in names}


class Died(BaseException):
    """Stands for SIGKILL: nothing that the run would do comes after it."""


def test_what_is_stored_is_there_and_replaces_what_was(tmp_path: Path) -> None:
    with Folder.opened(tmp_path) as folder:
        folder.store(entry("anna", "60"), files("anna", "old"))
        folder.store(entry("anna", "0"), {"students/anna/traces/one.jsonl": b"new"})
        assert folder.known() == ["anna"]
        assert folder.entry("anna") == entry("anna", "0")
    assert (tmp_path / "students/anna/traces/one.jsonl").read_bytes() == b"new"
    assert not (tmp_path / "students/anna/report.html").exists()
    assert list((tmp_path / "quarantine").iterdir()) == []


STEPS = [(Path, "rename"), (Path, "replace"), (Path, "mkdir"), (Path, "open"), (shutil, "rmtree")]


@pytest.mark.parametrize("steps", range(14))
def test_a_run_that_dies_anywhere_leaves_the_old_outcome_or_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    """It dies before its n-th change to a folder; the last n is one more than there are."""
    with Folder.opened(tmp_path) as folder:
        folder.store(entry("anna", "60"), files("anna", "old"))
        left, died = iter(range(steps)), False
        with monkeypatch.context() as patched:
            for owner, name in STEPS:
                patched.setattr(owner, name, _mortal(getattr(owner, name), left))
            try:
                folder.store(entry("anna", "0"), files("anna", "new"))
            except Died:
                died = True
    assert died is (steps < 13)
    with Folder.opened(tmp_path) as folder:
        found = folder.entry("anna")
    text = (tmp_path / "students/anna/report.html").read_text()
    assert (found, text) in ((entry("anna", "60"), "old"), (entry("anna", "0"), "new"))
    names = sorted(path.name for path in tmp_path.glob("*/*"))
    assert names == ["anna", "anna"], "halves are left"


def _mortal(step: object, left: Iterable[int]) -> object:
    def stepped(*arguments: object, **options: object) -> object:
        if next(iter(left), None) is None:
            raise Died
        return step(*arguments, **options)  # type: ignore[operator]

    return stepped


def test_what_the_export_says_anew_of_a_submission_is_taken_over(tmp_path: Path) -> None:
    """It was handed in late after all: nothing has to be graded for that."""
    order = Order(4, STAMP.seed)
    known = entry("anna", "60")
    stamp = expected(submission("anna", "60"), order, STAMP)
    noted = replace(known.handed, notes=("nothing of lab 1: the reference's was used",))
    with Folder.opened(tmp_path) as folder:
        folder.store(replace(known, stamp=stamp, handed=noted), files("anna", "report"))
        late = replace(submission("anna", "60", is_late=True), student=Student("anna", "Anna B."))
        plan = make_plan([late], folder, order, STAMP)
        found = folder.entry("anna")
    assert plan.states == {"anna": State.DONE}
    assert found is not None and found.handed == replace(noted, is_late=True)
    assert found.student.name == "Anna B." and found.result == known.result
    assert (tmp_path / "students/anna/report.html").read_text() == "report"


def test_an_outcome_that_was_cut_short_counts_as_none(tmp_path: Path) -> None:
    with Folder.opened(tmp_path) as folder:
        folder.store(entry("anna", "60"), {})
        place = tmp_path / "students/anna/entry.json"
        place.write_bytes(place.read_bytes()[:100])
        assert folder.entry("anna") is None


@pytest.mark.parametrize(
    "name", ["students/bert/report.html", "students/anna", "students/anna/../bert/x"]
)
def test_only_the_students_own_folder_is_written(tmp_path: Path, name: str) -> None:
    with Folder.opened(tmp_path) as folder, pytest.raises(ValueError, match="is no file of anna"):
        folder.store(entry("anna", "60"), {name: b""})


def test_a_report_on_the_pace() -> None:
    now = [0.0]
    said = Console(file=io.StringIO(), width=200)
    shown = Progress(said, 200, clock=lambda: now[0])
    refused = replace(submission("bert", "").handed, refused="it is \x1b[31mempty")
    shown.add(replace(entry("bert", "0"), handed=refused, status=Status.REFUSED, result=None))
    assert shown.pace() == ""
    now[0] = 36.0
    shown.add(entry("anna", "60"))
    assert shown.pace() == "100 an hour, 1 h 59 min left"
    assert isinstance(said.file, io.StringIO)
    first, second = said.file.getvalue().splitlines()
    assert "refused" in first and "\\x1b[31mempty" in first and "an hour" not in first
    assert second.split()[:4] == ["2/200", "anna", "60/100", "2.0"]
    assert "(100 an hour, 1 h 59 min left)" in second


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "1 s"), (59, "59 s"), (60, "1 min"), (61, "2 min"), (3600, "1 h 0 min")],
)
def test_spans_of_time(seconds: float, words: str) -> None:
    assert span(seconds) == words


def test_only_what_differs_is_a_change() -> None:
    quarantined = replace(entry("cleo", "0"), status=Status.QUARANTINED, result=None)
    before = {"anna": entry("anna", "60"), "bert": entry("bert", "60"), "cleo": quarantined}
    after = {"anna": entry("anna", "60"), "bert": entry("bert", "50"), "cleo": entry("cleo", "0")}
    table = changes(before, after)
    cells = [[str(cell) for cell in column.cells] for column in table.columns]
    assert cells == [
        ["bert", "cleo"],
        ["60/100", "quarantined"],
        ["50/100", "0/100"],
        ["", "4.1 none → WRONG, 4.2 none → HANG"],
    ]
    assert points(quarantined) == "quarantined"


def test_what_fails_before_anything_is_written_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(Died), Folder.opened(tmp_path / "graded/lab4"):
        raise Died
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "graded").mkdir()
    with pytest.raises(Died), Folder.opened(tmp_path / "graded"):
        raise Died
    assert list(tmp_path.rglob("*")) == [tmp_path / "graded"]


def test_what_fails_later_leaves_what_is_there(tmp_path: Path) -> None:
    with pytest.raises(Died), Folder.opened(tmp_path / "out") as folder:
        folder.write_settings({})
        raise Died
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [".lock", "run.json"]


def test_a_lock_that_its_holder_took_away_is_no_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second run opened it, and came to hold it when the first one left."""
    monkeypatch.setattr("fcntl.flock", lambda lock, how: (tmp_path / ".lock").unlink())
    with pytest.raises(UsageError, match="another run is at work there"):
        with Folder.opened(tmp_path):
            pass


def test_a_killed_process_leaves_no_lock(tmp_path: Path) -> None:
    child = os.fork()
    if child == 0:
        with Folder.opened(tmp_path):
            os._exit(0)
    os.waitpid(child, 0)
    with Folder.opened(tmp_path) as folder:
        assert folder.known() == []
