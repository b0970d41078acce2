"""The tables of a class: no cell runs in a spreadsheet, and each platform finds its columns."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from grader.classroom.exports import canvas, grades, moodle, write_all
from grader.classroom.exports.cells import defused, rows
from grader.classroom.exports.student import student_report
from grader.classroom.model import Entry, Status
from grader.classroom.policy import Late, Policy
from grader.selftest import class_samples as samples
from grader.selftest import class_strategies as strategies
from grader.verdicts import Verdict

ADA = samples.student("Ada Lovelace", 1)
MIXED = samples.entry(ADA, samples.result_of({"3.4": Verdict.WRONG, "3.14": Verdict.PASS}))
CANVAS = samples.entry(ADA, MIXED.result, layout="canvas")
BROKEN = samples.entry(ADA, None, Status.QUARANTINED)
LATE = Policy(late=Late(samples.DUE, 3, Decimal(10)))
thorough = settings(
    max_examples=40, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


# Spreadsheets


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("=1+1", "'=1+1"),
        ("+1+1", "'+1+1"),
        ("-1+1", "'-1+1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("＝1+1", "'＝1+1"),
        ("－1+1", "'－1+1"),
        ("  =1+1", "'  =1+1"),
        ('"=1+1', "'\"=1+1"),
        ("'=1+1", "''=1+1"),
        ("a;=1+1", "a;'=1+1"),
        ('a","=1+1', 'a",\'"=1+1'),
        ("\t=1+1", r"\x09=1+1"),
        ("\r=1+1", r"\x0d=1+1"),
        ("\u200b=1+1", r"\u200b=1+1"),
        ("\u00a0=1+1", "'\u00a0=1+1"),
    ],
)
def test_formulas_are_defused(text: str, shown: str) -> None:
    """OWASP, CSV Injection: https://owasp.org/www-community/attacks/CSV_Injection."""
    assert defused(text) == shown


@pytest.mark.parametrize("text", ["Zoë O'Neil", "1=1", "a-b", "x@example.org", "-7", "+49.5", ""])
def test_what_is_no_formula_stays(text: str) -> None:
    assert defused(text) == text


def test_numbers_stay_numbers() -> None:
    text = rows([("12", 12, Decimal("12.50"), Decimal("1E+2"), Decimal(0), None)])
    assert text == '"12",12,12.5,100,0,""\n'


RUNS = re.compile(r"[\s\"'`]*[=+\-@＝＋－＠\t\r\n]")
NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")


def assert_defused(text: str) -> None:
    """Whatever separator a spreadsheet takes, no cell of it begins as a formula."""
    assert "\r" not in text and "\t" not in text
    for row in csv.reader(io.StringIO(text)):
        for cell in row:
            for part in re.split(r"[,;|\t]", cell):
                assert part.startswith("'") or NUMBER.fullmatch(cell) or not RUNS.match(part), cell


def test_the_check_of_formulas_can_fail() -> None:
    for text in ('"=1"', '"a; =1"', "\"''\",＝1"):
        with pytest.raises(AssertionError):
            assert_defused(text)


@thorough
@given(some.lists(strategies.entries(), max_size=3), strategies.POLICIES)
def test_no_cell_is_a_formula(entries: list[Entry], policy: Policy) -> None:
    for render in (grades.render, canvas.render, moodle.render):
        assert_defused(render(entries, policy))


# For the class


def test_grades_have_a_row_a_student(tmp_path: Path) -> None:
    late = samples.entry(ADA, MIXED.result, at=samples.DUE + timedelta(hours=30))
    write_all(tmp_path, [late, replace(BROKEN, student=samples.student("Zoe", 9))], LATE)
    ada, zoe = table((tmp_path / "grades.csv").read_text(encoding="utf-8"))
    assert (ada["key"], ada["name"], ada["id"]) == ("ada-lovelace-1", "Ada Lovelace", "1")
    assert (ada["status"], ada["points"], ada["max_points"]) == ("graded", "92", "100")
    assert (ada["late_days"], ada["deduction_percent"], ada["final"]) == ("2", "20", "73.6")
    assert (ada["extension_points"], ada["3.4"], ada["3.5"]) == ("10", "WRONG", "PASS")
    assert (ada["isolation"], ada["seed"], ada["submission"]) == ("namespaces", "7", "ab" * 6)
    assert (zoe["status"], zoe["points"], zoe["final"]) == ("quarantined", "", "")


def test_canvas_finds_its_columns_and_its_row_of_points() -> None:
    """lib/gradebook_importer.rb of canvas-lms: row_has_student_headers?, update_column_count,
    check_for_non_student_row.
    """
    ours = samples.entry(replace(ADA, name="Lovelace, Ada"), MIXED.result, layout="canvas")
    head, possible, row = csv.reader(io.StringIO(canvas.render([ours], Policy())))
    assert "Student" in head[0] and "ID" in head[1]
    assert head[2:] == ["SIS User ID", "SIS Login ID", "Section", "Lab 3"]
    assert "Points Possible" in possible[0] and possible[5] == "100"
    assert row == ["Lovelace, Ada", "1", "", "adalovelace1", "", "92"]


@pytest.mark.parametrize(
    ("layout", "ids"),
    [
        ("canvas", ("1", "")),
        ("gradescope", ("", "1")),
    ],
)
def test_canvas_gets_no_id_of_another_platform(layout: str, ids: tuple[str, str]) -> None:
    entry = samples.entry(ADA, MIXED.result, layout=layout)
    row = table(canvas.render([entry], Policy()))[1]
    assert (row["ID"], row["SIS User ID"]) == ids


def test_who_has_a_grade_and_no_id_that_canvas_knows_is_named() -> None:
    ours = samples.entry(ADA, MIXED.result, layout="canvas")
    other = samples.entry(replace(ADA, key="zoe", id=""), MIXED.result, layout="canvas")
    refused = samples.entry(replace(ADA, key="eve", id=""), None, Status.REFUSED, layout="canvas")
    left = canvas.left_out([ours, other, refused], Policy())
    assert [entry.student.key for entry in left][:1] == ["zoe"]
    assert ADA.key not in [entry.student.key for entry in left]


def test_canvas_does_not_take_a_name_for_points() -> None:
    named = replace(CANVAS, student=replace(ADA, name="Points Possible"))
    assert table(canvas.render([named], Policy()))[1]["Student"] == ADA.key


def test_moodle_finds_its_columns_and_its_participant() -> None:
    """mod/assign/feedback/offline/importgradeslib.php: init, next."""
    (row,) = table(moodle.render([MIXED], Policy()))
    assert {"Identifier", "Grade", "Last modified (grade)", "Feedback comments"} <= set(row)
    assert int(row["Identifier"][len("Participant ") :]) == 1
    assert (row["Grade"], row["Maximum grade"]) == ("92", "100")


def test_moodle_gets_html_without_the_student_s_and_no_grade_above_its_maximum() -> None:
    wild = samples.entry(ADA, samples.result_of({}), extra=("<b>x</b>\n.c",))
    (row,) = table(moodle.render([wild], Policy(points={"3.14": Decimal(7)})))
    assert "&lt;b&gt;x&lt;/b&gt;\\x0a.c" in row["Feedback comments"]
    bonus = samples.result_of({"3.14": Verdict.PASS})
    (row,) = table(moodle.render([samples.entry(ADA, bonus)], Policy(points={"3.14": Decimal(7)})))
    assert row["Grade"] == "100"


def as_moodle_reads(path: str) -> tuple[int, str, str, str] | None:
    """mod/assign/feedback/file/importziplib.php, is_valid_filename_for_import: the participant,
    plugin type and plugin, and the path of the feedback.
    """
    parts = path.split("/")
    for place, part in enumerate(parts):
        words = part.split("_", 4)
        if len(words) == 5 and words[1].isdigit():
            rest = "/".join([words[4], *parts[place + 1 :]])
            return int(words[1]), words[2], words[3], rest
    return None


def test_moodle_finds_each_report_in_the_zip() -> None:
    """The second has a name that Moodle would cut elsewhere."""
    other = replace(MIXED, student=replace(ADA, name="../Zoë_9/\\x", id="2"))
    data = moodle.feedback([MIXED, other, BROKEN, CANVAS], Policy())
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        first, second = archive.namelist()
        assert first == "Ada Lovelace_1_assignsubmission_file_/report.html"
        assert as_moodle_reads(first) == (1, "assignsubmission", "file", "/report.html")
        assert as_moodle_reads(second) == (2, "assignsubmission", "file", "/report.html")
        assert second.startswith("Zoë 9 x_2_")
        assert archive.read(first).decode() == student_report(MIXED, Policy())
    assert moodle.feedback([BROKEN, CANVAS], Policy()) == b""


@thorough
@given(strategies.entries(), strategies.POLICIES)
def test_whatever_a_student_is_called_moodle_finds_the_number(entry: Entry, policy: Policy) -> None:
    data = moodle.feedback([entry], policy)
    assert bool(data) == bool(moodle.render([entry], policy))
    for name in zipfile.ZipFile(io.BytesIO(data)).namelist() if data else []:
        found = as_moodle_reads(name)
        assert name.count("/") == 1 and found is not None
        assert found[:3] == (int(entry.student.id), "assignsubmission", "file")


def test_who_was_not_judged_or_is_of_elsewhere_is_in_no_import() -> None:
    """An empty cell would take a grade away that is there."""
    assert len(table(canvas.render([BROKEN, CANVAS], Policy()))) == 2  # with the row of points
    assert len(table(moodle.render([BROKEN, MIXED], Policy()))) == 1
    assert moodle.render([CANVAS, BROKEN], Policy()) == ""
    anonymous = replace(CANVAS, student=replace(ADA, name="anon"))
    assert canvas.render([MIXED, BROKEN, anonymous], Policy()) == ""


@pytest.mark.parametrize(
    ("layout", "files"),
    [
        ("moodle", ["moodle.csv", "moodle-feedback.zip"]),
        ("canvas", ["canvas.csv"]),
        ("gradescope", ["canvas.csv"]),
        ("plain", []),
    ],
)
def test_only_files_that_a_platform_can_import_are_there(
    tmp_path: Path, layout: str, files: list[str]
) -> None:
    for name in ("canvas.csv", "moodle.csv", "moodle-feedback.zip"):
        (tmp_path / name).write_text("of another run")
    written = write_all(tmp_path, [samples.entry(ADA, MIXED.result, layout=layout)], Policy())
    there = sorted(path.name for path in tmp_path.iterdir() if path.is_file())
    assert there == sorted([*files, "class.html", "grades.csv"])
    assert there == sorted(path.name for path in written if path.parent == tmp_path)
