"""The report on the class and the students' pages: figures that are right, links that lead
somewhere, and no text of a student that a browser takes for more than text.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from grader.classroom.exports import class_page, figures, student, write_all
from grader.classroom.model import Entry, Status
from grader.classroom.policy import Late, Policy, grade_of
from grader.selftest import class_samples as samples
from grader.selftest import class_strategies as strategies
from grader.selftest.browser import browse, chromium
from grader.selftest.harness import require
from grader.selftest.test_report_html import Page as ReportPage
from grader.verdicts import Verdict

ADA, ZOE = samples.student("Ada Lovelace", 1), samples.student("Zoe Zett", 2)
thorough = settings(
    max_examples=40, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)


class Page(ReportPage):
    """What a browser would find in a page of class mode."""

    ELEMENTS = ReportPage.ELEMENTS | {"text", "line"}
    VOID = ReportPage.VOID | {"line"}


def rows(entries: list[Entry], policy: Policy = Policy()) -> list[figures.Row]:
    return figures.by_points(entries, policy)


# Figures


def test_points_are_spread_by_tenths_and_a_bonus_is_with_all_of_them() -> None:
    wrong = [{f"3.{n}": Verdict.WRONG for n in range(1, last)} for last in (14, 3, 2)]
    outcomes = [*map(samples.result_of, wrong), samples.result_of({"3.14": Verdict.PASS})]
    entries = [samples.entry(ADA, outcome) for outcome in outcomes]  # 0, 82, 92 and 107 of 100
    entries.append(samples.entry(ADA, None, Status.QUARANTINED))
    spread = figures.distribution(rows(entries, Policy(points={"3.14": Decimal(7)})))
    assert [bin.count for bin in spread] == [1, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1]


def test_the_hardest_stage_is_the_one_that_fewest_of_those_who_came_to_it_passed() -> None:
    entries = [
        samples.entry(ADA, samples.result_of({"3.2": Verdict.WRONG}, stop=True)),
        samples.entry(ADA, samples.result_of({"3.2": Verdict.HANG, "3.9": Verdict.WRONG})),
        samples.entry(ADA, samples.result_of({"3.5": Verdict.GRADER_ERROR})),
    ]
    found = figures.difficulties(entries)
    assert [(one.id, one.passed, one.attempted) for one in found[:2]] == [
        ("3.2", 1, 3),
        ("3.9", 1, 2),
    ]
    assert {one.id: one.attempted for one in found}["3.5"] == 1
    assert "3.14" not in {one.id for one in found}  # nobody attempted it


def test_extensions_are_ranked_apart_from_the_stages_that_all_must_do() -> None:
    verdicts = {"3.2": Verdict.WRONG, "3.14": Verdict.WRONG, "3.15": Verdict.PASS}
    entries = [samples.entry(ADA, samples.result_of(verdicts))]
    ids = [one.id for one in figures.difficulties(entries)]
    assert (ids[0], ids[-2:]) == ("3.2", ["3.14", "3.15"])
    text = class_page.render(entries, Policy())
    places = [text.index(f">{words}</th>") for words in ("3.13", "Extensions", "3.14")]
    assert places == sorted(places)


def test_diagnoses_are_counted_by_student_with_the_cause_in_the_words_of_the_hint() -> None:
    crash = {"3.2": Verdict.CRASH, "3.4": Verdict.CRASH}
    entries = [
        samples.entry(ADA, samples.result_of(crash)),
        samples.entry(ZOE, samples.result_of({"3.4": Verdict.CRASH, "3.6": Verdict.SANITIZER})),
    ]
    first, second = figures.causes(entries)
    assert (first.id, list(first.where), first.stages) == (
        "crash",
        [ADA.key, ZOE.key],
        ["3.2", "3.4"],
    )
    assert first.cause.startswith("SIGSEGV is an address")
    assert (second.id, list(second.where)) == ("sanitizer", [ZOE.key])


def test_who_was_not_judged_is_last_by_points() -> None:
    entries = [
        samples.entry(ADA, None, Status.QUARANTINED),
        samples.entry(ADA, None, Status.REFUSED),
        samples.entry(ZOE, samples.result_of({})),
    ]
    statuses = [row.entry.status for row in rows(entries)]
    assert statuses == [Status.GRADED, Status.REFUSED, Status.QUARANTINED]
    assert [row.name for row in figures.by_name(rows(entries))][-1] == "Zoe Zett"


# Pages


def test_the_class_page_refers_only_to_what_lies_beside_it(tmp_path: Path) -> None:
    entries = samples.a_class()
    write_all(tmp_path, entries, Policy())
    page = Page((tmp_path / "class.html").read_text(encoding="utf-8"))
    assert len(page.ids) == len(set(page.ids)) and page.headings.count("h1") == 1
    for link in page.links:
        path, _, anchor = link.partition("#")
        if not path:
            assert anchor in page.ids
        elif path.startswith("students/"):
            target = Page((tmp_path / path).read_text(encoding="utf-8"))
            assert not anchor or anchor in target.ids
        else:
            assert path == "quarantine/vint-cerf-300/"
    assert {f"students/{entry.student.key}/report.html" for entry in entries} <= set(page.links)


def test_what_a_person_must_look_at_comes_first() -> None:
    text = class_page.render(samples.a_class(), Policy())
    places = [text.index(word) for word in ("OSError: no space", "no file of lab 3", 'histogram" ')]
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        (Policy(), "stages&#39; own points; no deduction for lateness; hints up to tier 1"),
        (Policy({"2.1": Decimal(5)}, highest_tier=0), "own points; no deduction for lateness; no"),
        (
            Policy({"3.14": Decimal("2.5"), "3.4": Decimal(12)}, Late(samples.DUE)),
            "3.4 worth 12, 3.14 a bonus of 2.5; due 2026-10-12 21:59+00:00, 0 days late at most;",
        ),
        (
            Policy(late=Late(samples.DUE, 3, Decimal("12.50"), timedelta(minutes=15))),
            "+00:00 with 15 minutes of grace, 3 days late at most, 12.5 % less for each; hints",
        ),
    ],
)
def test_the_class_page_tells_the_policy(policy: Policy, words: str) -> None:
    assert words in class_page.render([samples.entry(ADA, samples.result_of({}))], policy)


def test_the_class_page_tells_when_the_newest_outcome_was_reached() -> None:
    entries = [samples.entry(who, samples.result_of({})) for who in (ADA, ZOE)]
    assert "Graded" not in class_page.render(entries, Policy())
    days = [samples.DUE.replace(day=day) for day in (14, 12)]
    entries = [replace(entry, graded_at=day) for entry, day in zip(entries, days, strict=True)]
    newest = days[0].astimezone().isoformat(" ", "minutes")
    assert f"<dt>Graded</dt><dd>{newest}</dd>" in class_page.render(entries, Policy())


def test_a_class_of_none_has_a_page() -> None:
    Page(class_page.render([], Policy()))


@thorough
@given(some.lists(strategies.entries(), max_size=3), strategies.POLICIES)
def test_no_text_of_a_student_is_more_than_text(entries: list[Entry], policy: Policy) -> None:
    """An element or attribute that our templates have not makes ``Page`` fail."""
    texts = [class_page.render(entries, policy)]
    texts += [student.student_report(entry, policy) for entry in entries]
    for text in texts:
        page = Page(text)
        assert all(re.match(r"(#|students/|quarantine/)[\w./#-]+$", link) for link in page.links)
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text)


def test_the_check_of_pages_can_fail() -> None:
    with pytest.raises(AssertionError):
        Page(class_page.render([], Policy()).replace("<h2", "<script>x</script><h2"))


# What a student sees


@pytest.mark.parametrize("tier", [0, 1, 2, 3])
def test_hints_are_shown_up_to_the_policy_s_tier(tier: int) -> None:
    entry = samples.entry(ADA, samples.result_of({"3.4": Verdict.CRASH}))
    text = student.student_report(entry, Policy(highest_tier=tier))
    shown = [f"<dt>{title}</dt>" in text for title in ("Hint", "Cause", "Remedy")]
    assert shown == [n < tier for n in range(3)]
    assert "make hint" not in text


def test_commands_are_those_that_a_student_types_at_home() -> None:
    entry = samples.entry(ADA, samples.result_of({"3.4": Verdict.CRASH}))
    text = student.student_report(entry, Policy())
    assert "make lab3 STAGE=3.4 SEED=7 BORROW=1,2<" in text
    assert "/tmp/" not in text and "WORK=" not in text


def test_traces_that_lie_beside_the_report_are_named_and_no_others() -> None:
    result = samples.result_of({"3.4": Verdict.CRASH})
    failure = result.stages[3].failure
    assert failure is not None
    for trace, named in (("traces/lab3-3.4.jsonl", True), ("traces/../../x", False), ("/x", False)):
        result.stages[3].failure = replace(failure, trace=trace, drawing="|")
        text = student.student_report(samples.entry(ADA, result), Policy())
        assert (f"make replay TRACE={trace}" in text) is named


def test_the_grade_says_why_it_is_less() -> None:
    late = samples.entry(ADA, samples.result_of({}), at=samples.DUE + timedelta(hours=30))
    policy = Policy(late=Late(samples.DUE, 3, Decimal("12.5")))
    assert "75 of 100 (100, less 25 %: 2 days late)" in student.student_report(late, policy)


def points_in(text: str) -> tuple[Decimal, Decimal, Decimal]:
    """Of a student's page: those of its stages, of its totals, and of what can be reached."""
    stages = re.findall(r'<td class="number">([\d.]+)/[\d.]+</td>', text)
    totals = re.findall(r"<strong>([\d.]+)</strong> of ([\d.]+) points", text)
    reached = [Decimal(points) for points, _ in totals]
    return sum(map(Decimal, stages), Decimal(0)), sum(reached, Decimal(0)), Decimal(totals[0][1])


def test_the_points_of_stages_and_totals_are_the_policy_s() -> None:
    outcome = samples.result_of(
        {"3.5": Verdict.WRONG, "3.14": Verdict.PASS, "3.15": Verdict.PASS, "3.16": Verdict.WRONG}
    )
    points = {"3.4": Decimal("12.50"), "3.5": Decimal("0.25"), "3.14": Decimal("2.5")}
    text = student.student_report(samples.entry(ADA, outcome), Policy(points))
    assert "<dd>97 of 94.75</dd>" in text
    assert points_in(text) == (Decimal(97), Decimal(97), Decimal("94.75"))
    for cell in ("12.5/12.5", "0/0.25", "2.5/2.5"):
        assert f'<td class="number">{cell}</td>' in text
    assert "/0<" not in text  # 3.15 and 3.16 are no bonus
    assert "Extensions, a bonus: <strong>2.5</strong> of 2.5 points" in text


def test_extensions_that_are_no_bonus_have_no_points() -> None:
    outcome = samples.result_of({"3.14": Verdict.PASS})
    text = student.student_report(samples.entry(ADA, outcome), Policy())
    assert "Extensions, without points: <span" in text
    assert points_in(text) == (Decimal(100), Decimal(100), Decimal(100))


@thorough
@given(strategies.entries(), strategies.POLICIES)
def test_what_a_page_adds_up_to_is_the_grade_before_late_days(entry: Entry, policy: Policy) -> None:
    points = grade_of(entry, policy).points
    if entry.result and points is not None:
        assert points_in(student.student_report(entry, policy))[:2] == (points, points)


def test_who_has_no_result_reads_why() -> None:
    refused = samples.entry(ADA, None, Status.REFUSED, refused="not a C file in /home/x/in/a.zip")
    assert "not a C file in …/a.zip" in student.student_report(refused, Policy())
    story = "Traceback: /home/me"
    broken = samples.entry(ADA, None, Status.QUARANTINED, story=story)
    text = student.student_report(broken, Policy())
    assert student.NOT_JUDGED in text and story not in text


# In a browser


# Tables that a reader must scroll to see whole.
CUT = (
    "[...document.querySelectorAll('div.scroll')].filter("
    "(one) => one.scrollWidth > one.clientWidth).length"
)


def test_a_browser_shows_both_pages_without_complaint_and_without_scrolling_sideways(
    tmp_path: Path,
) -> None:
    program = chromium()
    require("browser", program is not None)
    assert program is not None
    write_all(tmp_path / "out", samples.a_class(), Policy(highest_tier=3))
    pages = ["class.html", "students/karen-jones-109/report.html"]
    with browse(program, tmp_path / "profile") as browser:
        for width in (1200, 810, 790, 400, 320):
            size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
            browser.ask("Emulation.setDeviceMetricsOverride", **size)
            for page in pages:
                browser.open((tmp_path / "out" / page).as_uri())
                assert browser.run("document.documentElement.scrollWidth") <= width
                assert page != "class.html" or browser.run(CUT) == 0
        assert browser.console == []
