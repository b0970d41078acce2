"""The check of a whole class sees each way in which an outcome can be wrong."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from grader.classroom import exports
from grader.classroom.model import Entry, Handed, Stamp, Status, Student
from grader.classroom.policy import Policy
from grader.report.model import LabResult, StageResult
from grader.selftest.class_of.expected import ANY_STAGE, REFUSED, Expected, read, write
from grader.selftest.class_of.running import check
from grader.verdicts import Verdict

PASS, WRONG, HANG, SKIPPED = Verdict.PASS, Verdict.WRONG, Verdict.HANG, Verdict.SKIPPED
BROKEN = Expected("anna.zip", "7", "Anna", "broken", "a-bug", ("graded",), "4.2", ("WRONG",))
SOLUTION = replace(BROKEN, kind="solution", stage="", verdicts=())
HOSTILE = replace(BROKEN, kind="hostile")
ANYWHERE = replace(HOSTILE, stage=ANY_STAGE, verdicts=())
NOTHING = replace(SOLUTION, kind="empty", status=(REFUSED,))


def entry_of(*verdicts: Verdict, status: Status = Status.GRADED, id: str = "7") -> Entry:
    """Of three main stages of lab 4, worth as much as they are there, and an extension."""
    stages = [
        StageResult(id, "title", verdict, 8 * (verdict is PASS), 8, extension=id == "4.11")
        for id, verdict in zip(("4.1", "4.2", "4.3", "4.11"), verdicts, strict=False)
    ]
    result = LabResult(4, "title", 1, "namespaces", "", "cc", stages) if stages else None
    handed = Handed("anna.zip", "plain", "0" * 64)
    stamp = Stamp("0" * 64, "1" * 64, "cc", "namespaces", 4, 1)
    return Entry(Student("anna", "Anna", id=id), handed, stamp, status, result)


RIGHT = [
    (SOLUTION, entry_of(PASS, PASS, PASS, PASS)),
    (SOLUTION, entry_of(PASS, PASS, PASS, SKIPPED)),
    (BROKEN, entry_of(PASS, WRONG, HANG, PASS)),
    (replace(BROKEN, stage="4.11"), entry_of(PASS, PASS, PASS, WRONG)),
    (HOSTILE, entry_of(WRONG, WRONG, WRONG, PASS)),
    (ANYWHERE, entry_of(PASS, PASS, PASS, WRONG)),
    (NOTHING, entry_of(status=Status.REFUSED)),
]
NOT_RIGHT = [
    (SOLUTION, entry_of(PASS, WRONG, PASS, PASS)),
    (SOLUTION, entry_of(PASS, PASS, PASS, WRONG)),
    (SOLUTION, entry_of(PASS, SKIPPED, PASS, PASS)),
    (SOLUTION, entry_of(status=Status.REFUSED)),
    (SOLUTION, entry_of(PASS, PASS, PASS, PASS, id="8")),
    (SOLUTION, entry_of()),
    (BROKEN, entry_of(PASS, PASS, PASS, PASS)),
    (BROKEN, entry_of(PASS, HANG, PASS, PASS)),
    (BROKEN, entry_of(WRONG, WRONG, PASS, PASS)),
    (BROKEN, entry_of(PASS, WRONG, PASS, Verdict.GRADER_ERROR)),
    (replace(BROKEN, stage="4.9"), entry_of(PASS, PASS, PASS, PASS)),
    (replace(BROKEN, stage="4.11"), entry_of(PASS, WRONG, PASS, WRONG)),
    (HOSTILE, entry_of(WRONG, PASS, PASS, PASS)),
    (HOSTILE, entry_of(WRONG, WRONG, PASS, PASS, status=Status.QUARANTINED)),
    (ANYWHERE, entry_of(PASS, PASS, PASS, PASS)),
    (ANYWHERE, entry_of(WRONG, PASS, Verdict.GRADER_ERROR, PASS)),
    (NOTHING, entry_of(PASS, PASS, PASS, PASS)),
]


@pytest.mark.parametrize(("expected", "entry"), RIGHT)
def test_what_is_as_expected_is_right(expected: Expected, entry: Entry) -> None:
    assert expected.wrong(entry) == ""


@pytest.mark.parametrize(("expected", "entry"), NOT_RIGHT)
def test_what_is_not_is_told(expected: Expected, entry: Entry) -> None:
    assert expected.wrong(entry)


def out_of(folder: Path, *entries: Entry) -> Path:
    """OUT of a class with these outcomes."""
    for entry in entries:
        place = folder / "students" / entry.student.key
        place.mkdir(parents=True)
        (place / "entry.json").write_text(json.dumps(entry.to_json()))
    exports.write_all(folder, list(entries), Policy.read(None))
    return folder


def test_a_whole_class_is_checked(tmp_path: Path) -> None:
    right = entry_of(PASS, WRONG, PASS, PASS)
    other = replace(right, student=Student("ben", "Ben"), handed=replace(right.handed, source="b"))
    assert check(out_of(tmp_path / "right", right), [BROKEN]) == []
    assert check(out_of(tmp_path / "wrong", entry_of(PASS, PASS)), [BROKEN])
    assert check(out_of(tmp_path / "more", right, other), [BROKEN])
    assert check(out_of(tmp_path / "less", other), [BROKEN])


def test_grades_are_those_of_the_outcomes(tmp_path: Path) -> None:
    out = out_of(tmp_path, entry_of(PASS, WRONG, PASS, PASS))
    grades = out / "grades.csv"
    whole = grades.read_text(encoding="utf-8")
    for text in (whole.replace('"anna"', '"eve"'), whole.replace('"graded",16', '"graded",24')):
        assert text != whole
        grades.write_text(text, encoding="utf-8")
        assert check(out, [BROKEN])


def test_the_manifest_can_be_read_again(tmp_path: Path) -> None:
    write(tmp_path / "expected.json", {"lab": 4}, [BROKEN, NOTHING])
    assert read(tmp_path / "expected.json") == [BROKEN, NOTHING]
