"""The instructor's policy: what it may say, what it may not, and the grade that follows."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from grader.classroom.model import Status
from grader.classroom.policy import Grade, Late, Policy, grade_of
from grader.errors import UsageError
from grader.selftest import class_samples as samples
from grader.selftest.class_samples import DUE
from grader.verdicts import Verdict

WHOLE = """
[points]
"3.4" = 12
"3.5" = 2.5
"3.14" = 5
"1.1" = 0

[late]
due = 2026-10-12T23:59:00+02:00
days = 3
percent = 10
grace = 15

[hints]
highest_tier = 2
"""
ADA = samples.student("Ada Lovelace", 1)


def read(folder: Path, text: str) -> Policy:
    path = folder / "policy.toml"
    path.write_text(text, encoding="utf-8")
    return Policy.read(path)


def numbers(grade: Grade) -> tuple[object, ...]:
    return grade.points, grade.max_points, grade.final


def test_without_a_file_there_is_the_default() -> None:
    assert Policy.read(None) == Policy(points={}, late=Late(), highest_tier=1)


def test_a_file_may_be_empty(tmp_path: Path) -> None:
    assert read(tmp_path, "") == Policy()


def test_all_that_a_file_can_say(tmp_path: Path) -> None:
    policy = read(tmp_path, WHOLE)
    points = {"3.4": Decimal(12), "3.5": Decimal("2.5"), "3.14": Decimal(5), "1.1": Decimal(0)}
    assert policy.points == points
    assert policy.late == Late(DUE, 3, Decimal(10), timedelta(minutes=15))
    assert policy.highest_tier == 2


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("[pionts]", "pionts"),
        ("points = 3", "points"),
        ('[points]\n"3.99" = 1', 'points."3.99"'),
        ("[points]\n3.4 = 1", "points.3"),
        ('[points]\n"3.4" = -1', 'points."3.4"'),
        ('[points]\n"3.4" = "many"', 'points."3.4"'),
        ('[points]\n"3.4" = true', 'points."3.4"'),
        ('[points]\n"3.4" = nan', 'points."3.4"'),
        ('[points]\n"3.4" = inf', 'points."3.4"'),
        ('[points]\n"3.4" = 1e999999', 'points."3.4"'),
        ('[points]\n"3.4" = 0.125', 'points."3.4"'),
        ("[late]\ndays = 1", "late.due"),
        ("[late]\ndue = 2026-10-12T23:59:00", "late.due"),
        ("[late]\ndue = 2026-10-12", "late.due"),
        ('[late]\ndue = "tomorrow"', "late.due"),
        ("[late]\ndue = 2026-10-12T23:59:00Z\ndays = -1", "late.days"),
        ("[late]\ndue = 2026-10-12T23:59:00Z\ndays = 1.5", "late.days"),
        ("[late]\ndue = 2026-10-12T23:59:00Z\npercent = 101", "late.percent"),
        ("[late]\ndue = 2026-10-12T23:59:00Z\ngrace = true", "late.grace"),
        ("[late]\ndue = 2026-10-12T23:59:00Z\nhours = 1", "late.hours"),
        ("[hints]\nhighest_tier = 4", "hints.highest_tier"),
        ("[hints]\nlowest_tier = 0", "hints.lowest_tier"),
        ("[late]\ndue = 2026-13-01T00:00:00Z", "line"),
        ("[late", "declaration"),
    ],
)
def test_a_mistake_is_named_with_its_file_and_key(tmp_path: Path, text: str, key: str) -> None:
    with pytest.raises(UsageError) as raised:
        read(tmp_path, text)
    assert str(tmp_path / "policy.toml") in str(raised.value)
    assert key in str(raised.value)


def test_a_file_that_is_not_there_or_no_text_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nowhere\.toml"):
        Policy.read(tmp_path / "nowhere.toml")
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match=r"bytes\.toml"):
        Policy.read(tmp_path / "bytes.toml")


def test_main_stages_count_as_the_lab_has_them() -> None:
    result = samples.result_of({"3.4": Verdict.WRONG, "3.14": Verdict.PASS})
    grade = grade_of(samples.entry(ADA, result), Policy())
    assert numbers(grade) == (92, 100, 92)


def test_points_of_a_main_stage_change_the_maximum_and_a_bonus_does_not() -> None:
    result = samples.result_of({"3.14": Verdict.PASS})
    policy = Policy(points={"3.4": Decimal(12), "3.14": Decimal(5)})  # of 8, and of an extension
    grade = grade_of(samples.entry(ADA, result), policy)
    assert numbers(grade) == (109, 104, 109)


def test_what_was_refused_has_no_points_and_what_was_quarantined_no_grade() -> None:
    refused = grade_of(samples.entry(ADA, None, Status.REFUSED), Policy())
    assert numbers(refused) == (0, 100, 0)
    broken = grade_of(samples.entry(ADA, None, Status.QUARANTINED), Policy())
    assert numbers(broken) == (None, 100, None)


def test_a_grader_error_is_never_scored() -> None:
    result = samples.result_of({"3.4": Verdict.GRADER_ERROR})
    assert grade_of(samples.entry(ADA, result), Policy()).final is None
    elsewhere = samples.result_of({"3.14": Verdict.GRADER_ERROR})  # in what does not count
    assert grade_of(samples.entry(ADA, elsewhere), Policy()).final == 100


SECOND, MINUTE, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(days=1)
LATE = Policy(late=Late(DUE, 2, Decimal("12.5"), 15 * MINUTE))


@pytest.mark.parametrize(
    ("after", "days", "final"),
    [
        (-DAY, 0, "100"),
        (0 * DAY, 0, "100"),
        (15 * MINUTE, 0, "100"),
        (15 * MINUTE + SECOND, 1, "87.5"),
        (DAY + 15 * MINUTE, 1, "87.5"),
        (DAY + 15 * MINUTE + SECOND, 2, "75"),
        (2 * DAY + 15 * MINUTE, 2, "75"),
        (2 * DAY + 15 * MINUTE + SECOND, 3, "0"),
    ],
)
def test_days_late_begin_after_the_grace(after: timedelta, days: int, final: str) -> None:
    grade = grade_of(samples.entry(ADA, samples.result_of({}), at=DUE + after), LATE)
    assert (grade.late_days, grade.final) == (days, Decimal(final))


def test_a_time_is_compared_as_an_instant() -> None:
    """Half past midnight in Berlin is half past ten in the evening in London."""
    at = datetime.fromisoformat("2026-10-12T23:30:00+02:00")
    late = Late(datetime(2026, 10, 12, 22, 0, tzinfo=UTC))
    assert late.days_of(samples.entry(ADA, None, at=at).handed) == 0


def test_a_time_without_a_zone_is_in_that_of_due() -> None:
    at = datetime(2026, 10, 12, 21, 0)
    assert LATE.late.days_of(samples.entry(ADA, None, at=at).handed) == 0
    assert LATE.late.days_of(samples.entry(ADA, None, at=at + DAY).handed) == 1


@pytest.mark.parametrize(("is_late", "days"), [(True, 1), (False, 0), (None, 0)])
def test_late_without_a_time_is_a_day(is_late: bool | None, days: int) -> None:
    handed = samples.entry(ADA, None, at=None, is_late=is_late).handed
    assert LATE.late.days_of(handed) == days
    assert Late().days_of(replace(handed, is_late=True)) == 0  # nothing is due


def test_half_a_cent_is_rounded_up() -> None:
    result = samples.result_of(
        {f"3.{n}": Verdict.WRONG for n in range(2, 14)}  # 3.1 is left
    )
    policy = Policy(points={"3.1": Decimal("0.05")}, late=Late(DUE, 1, Decimal(10)))
    grade = grade_of(samples.entry(ADA, result, at=DUE + SECOND), policy)
    assert grade.final == Decimal("0.05")  # of 0.045


@settings(deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    some.timedeltas(timedelta(days=-400), timedelta(days=400)),
    some.integers(0, 366),
    some.decimals(0, 100, places=2),
    some.integers(0, 1440),
)
def test_later_is_never_better(after: timedelta, days: int, percent: Decimal, grace: int) -> None:
    late = Late(DUE, days, percent, timedelta(minutes=grace))
    entry = samples.entry(ADA, samples.result_of({}), at=DUE + after)
    later = samples.entry(ADA, entry.result, at=DUE + after + timedelta(hours=7))
    first, second = (grade_of(one, Policy(late=late)) for one in (entry, later))
    assert first.final is not None and second.final is not None
    assert 0 <= second.final <= first.final <= 100
