"""What the instructor may say of when students handed in, and what not."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from grader.classroom.lateness import LateFile, Lateness, applied, text_of
from grader.classroom.model import Student
from grader.classroom.policy import Late, Policy, grade_of
from grader.errors import UsageError
from grader.selftest import class_samples as samples

ADA = Student("ada-lovelace-101", "Ada Lovelace", "101", "ada", "ada@example.org")
ZOE = Student("zoe-7", "Zo\N{LATIN SMALL LETTER E WITH DIAERESIS}", "7")
TIME = datetime(2026, 10, 13, 8, 30, tzinfo=timezone(timedelta(hours=2)))


def read(folder: Path, text: str | bytes, *students: Student) -> Lateness:
    path = folder / "late.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    found = LateFile.read(path).of(students or (ADA, ZOE))
    assert found is not None
    return found


def test_times_and_days(tmp_path: Path) -> None:
    found = read(tmp_path, "student,late\nAda Lovelace,2026-10-13T08:30:00+02:00\n\nzoe-7,2\n")
    assert found == {ADA.key: TIME, ZOE.key: 2}
    assert read(tmp_path, text_of(found)) == found


@pytest.mark.parametrize("name", ["Ada Lovelace", "101", "ada", "ada@example.org", ADA.key])
def test_a_student_has_several_names(tmp_path: Path, name: str) -> None:
    assert read(tmp_path, f"student,late\n{name},1\n") == {ADA.key: 1}


def test_as_spreadsheets_write_it(tmp_path: Path) -> None:
    text = '\ufeffstudent,late\r\n"Zoe\u0308", 2026-10-13 08:30 \r\n'
    assert read(tmp_path, text) == {ZOE.key: TIME.replace(tzinfo=None)}


def test_no_file_says_nothing() -> None:
    assert LateFile.read(None).of([ADA]) is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "line 1: it is student,late"),
        ("Ada Lovelace,1\n", "line 1: it is student,late"),
        ("student;late\n", "line 1: it is student,late"),
        ("student,late\nAda Lovelace\n", "line 2: there are 1 cells"),
        ("student,late\nLovelace, Ada,1\n", "line 2: there are 3 cells"),
        ("student,late\nada,\n", "line 2: '' is not a time"),
        ("student,late\nada,tomorrow\n", "line 2: 'tomorrow' is not a time"),
        ("student,late\nada,2026-10-13\n", "line 2: '2026-10-13' is not a time"),
        ("student,late\nada,2026-13-10T08:30\n", "is not a time"),
        ("student,late\nada,-1\n", "'-1' is not a time"),
        ("student,late\nada,367\n", "'367' is not a time"),
        ("student,late\nada,1.5\n", "'1.5' is not a time"),
        ("student,late\nzoe-7,1\nbob,1\n", "line 3: there is no student 'bob' in this class"),
        ("student,late\n,1\n", "line 2: there is no student ''"),
        ("student,late\nada,1\n101,2\n", "line 3: '101' is there more than once"),
        ('student,late\n"ada,1\n', "unexpected end of data"),
        (b"student,late\n\xff,1\n", "codec can't decode"),
    ],
)
def test_what_can_not_be_meant_is_named(tmp_path: Path, text: str | bytes, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(tmp_path, text)
    said = str(caught.value)
    assert said.startswith(f"late {tmp_path}/late.csv: ") and words in said and "\n" not in said


def test_who_may_be_meant_is_named(tmp_path: Path) -> None:
    canvas = Student("lovelaceada-7", "lovelaceada")
    with pytest.raises(UsageError, match=r"'Ada Lovelace' in this class \(like that: lovelacea"):
        read(tmp_path, "student,late\nAda Lovelace,1\n", canvas, ZOE)


def test_a_name_that_two_have_is_none(tmp_path: Path) -> None:
    other = replace(ADA, key="ada-lovelace-9", id="9")
    with pytest.raises(UsageError, match="may be any of ada-lovelace-101, ada-lovelace-9"):
        read(tmp_path, "student,late\nAda Lovelace,1\n", ADA, other)
    assert read(tmp_path, "student,late\n9,1\n", ADA, other) == {other.key: 1}


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        LateFile.read(tmp_path / "late.csv")


@pytest.mark.parametrize(("when", "days"), [(0, 0), (2, 2), (samples.DUE + timedelta(days=2), 2)])
def test_the_instructor_s_word_goes_before_the_export_s(when: datetime | int, days: int) -> None:
    at = samples.DUE + timedelta(days=1)
    entry = samples.entry(ADA, samples.result_of({}), at=at, is_late=True)
    policy = Policy(late=Late(samples.DUE, days=3))
    assert grade_of(entry, policy).late_days == 1
    assert grade_of(applied(entry, {ADA.key: when}), policy).late_days == days
    assert applied(entry, {ZOE.key: when}) == entry
