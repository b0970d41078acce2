"""The instructor's policy: a small TOML file. All keys may be left out, and the file too.

    [points]            # of stages, of any lab; the maximum changes with them
    "3.4" = 12          # a main stage that is not named keeps its points
    "3.14" = 5          # an extension that is named is a bonus: it adds points, not to the maximum

    [late]
    due = 2026-10-12T23:59:00+02:00     # with the offset of its time zone
    days = 3            # so many are accepted; what comes later counts nothing. Without it: 0
    percent = 10        # of the points reached, off for each day. Without it: 0
    grace = 15          # minutes after ``due`` that don't count. Without it: 0

    [hints]
    highest_tier = 2    # that students see: 0 none, 1 the question, 2 the cause, 3 the remedy

A submission whose platform says that it is late, but not since when, is a day late. A time without
a zone is taken to be in the zone of ``due``.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from pathlib import Path
from typing import Any

from grader import engine
from grader.classroom.model import Entry, Handed, Status
from grader.errors import UsageError
from grader.labs import LABS
from grader.labs.stage import Stage
from grader.verdicts import Verdict

HIGHEST_POINTS = 1000
_DAY = timedelta(days=1)
_CENT = Decimal("0.01")
_HUNDRED = Decimal(100)


@cache
def stages_of(lab: int) -> tuple[Stage, ...]:
    """All stages of a lab, in order; none where there is no such lab."""
    return tuple(stage for one in LABS if one.number == lab for stage in engine.stages_of(one))


@dataclass(frozen=True)
class Late:
    """When what counts. ``percent`` is taken off for each day that began after due and grace."""

    due: datetime | None = None
    days: int = 0
    percent: Decimal = Decimal(0)
    grace: timedelta = timedelta(0)

    def days_of(self, handed: Handed) -> int:
        """How many days late: 0 in time, 1 up to a day after the end of the grace."""
        if self.due is None:
            return 0
        if handed.days_late is not None:
            return handed.days_late
        if handed.at is None:
            return 1 if handed.is_late else 0
        at = handed.at if handed.at.tzinfo else handed.at.replace(tzinfo=self.due.tzinfo)
        return max(0, -((self.due + self.grace - at) // _DAY))

    def deduction(self, days: int) -> Decimal:
        """In percent of the points reached."""
        return _HUNDRED if days > self.days else min(_HUNDRED, days * self.percent)


@dataclass(frozen=True)
class Policy:
    """What the instructor decides. See the module's words for the file."""

    points: dict[str, Decimal] = field(default_factory=dict)
    late: Late = Late()
    highest_tier: int = 1

    @staticmethod
    def read(path: Path | None) -> Policy:
        """The policy in that file; the default one for None. Raises UsageError that names file and
        key for what can't be meant.
        """
        return Policy() if path is None else _Reader(path).policy()

    def most(self, stage: Stage) -> Decimal:
        """What the stage is worth; 0 for an extension that is no bonus."""
        return self.points.get(stage.id, Decimal(0 if stage.extension else stage.points))


@dataclass(frozen=True)
class Grade:
    """Points as the policy counts them. ``points`` and ``final`` are None where nobody has judged.

    ``final`` is what is left of ``points`` after ``deduction`` percent, to two decimals, half a
    cent up.
    """

    points: Decimal | None
    max_points: Decimal
    late_days: int
    deduction: Decimal
    final: Decimal | None


def grade_of(entry: Entry, policy: Policy) -> Grade:
    """The grade. Nothing that was quarantined, or has a GRADER-ERROR in a stage that counts, has
    points; what was refused has none of them.
    """
    worth = {stage.id: policy.most(stage) for stage in stages_of(entry.stamp.lab)}
    most = sum(
        (worth[s.id] for s in stages_of(entry.stamp.lab) if not s.extension), start=Decimal(0)
    )
    days = policy.late.days_of(entry.handed)
    deduction = policy.late.deduction(days)
    points = _points(entry, worth)
    final = None if points is None else cents(points * (_HUNDRED - deduction) / _HUNDRED)
    return Grade(points, most, days, deduction, final)


def _points(entry: Entry, worth: dict[str, Decimal]) -> Decimal | None:
    if entry.status is Status.QUARANTINED:
        return None
    stages = entry.result.stages if entry.result else []
    counted = [stage for stage in stages if worth.get(stage.id)]
    if any(stage.verdict is Verdict.GRADER_ERROR for stage in counted):
        return None
    passed = (worth[stage.id] for stage in counted if stage.verdict is Verdict.PASS)
    return sum(passed, start=Decimal(0))


def cents(value: Decimal) -> Decimal:
    """To two decimals, half up."""
    return value.quantize(_CENT, rounding=ROUND_HALF_UP)


class _Reader:
    """One file, and what is wrong with it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            with path.open("rb") as file:
                self._tables = tomllib.load(file, parse_float=Decimal)
        except OSError as error:
            raise UsageError(f"policy {path}: {error.strerror}") from error
        except ValueError as error:  # no TOML, or no UTF-8
            raise UsageError(f"policy {path}: {error}") from error

    def policy(self) -> Policy:
        for name in self._tables:
            if name not in ("points", "late", "hints"):
                raise self._wrong(name, "there are [points], [late] and [hints]")
        hints = self._table("hints", ("highest_tier",))
        return Policy(
            self._points(),
            self._late(),
            self._whole("hints.highest_tier", hints.get("highest_tier", 1), 3),
        )

    def _wrong(self, key: str, words: str) -> UsageError:
        return UsageError(f"policy {self._path}: {key}: {words}")

    def _table(self, name: str, keys: tuple[str, ...] = ()) -> dict[str, Any]:
        table = self._tables.get(name, {})
        if not isinstance(table, dict):
            raise self._wrong(name, f"it is a table: [{name}]")
        for key in table:
            if keys and key not in keys:
                raise self._wrong(f"{name}.{key}", f"there are {', '.join(keys)}")
        return table

    def _points(self) -> dict[str, Decimal]:
        known = {stage.id for lab in LABS for stage in stages_of(lab.number)}
        points = {}
        for stage, value in self._table("points").items():
            key = f"points.{stage}" if isinstance(value, dict) else f'points."{stage}"'
            if stage not in known:
                raise self._wrong(key, 'there is no such stage; write it as "3.4" = 12')
            points[stage] = self._number(key, value, HIGHEST_POINTS)
        return points

    def _late(self) -> Late:
        table = self._table("late", ("due", "days", "percent", "grace"))
        due = table.get("due")
        if table and due is None:
            raise self._wrong("late.due", "it is missing")
        if due is not None and not (isinstance(due, datetime) and due.tzinfo):
            raise self._wrong("late.due", "a time with its zone: 2026-10-12T23:59:00+02:00")
        return Late(
            due,
            self._whole("late.days", table.get("days", 0), 366),
            self._number("late.percent", table.get("percent", 0), 100),
            timedelta(minutes=self._whole("late.grace", table.get("grace", 0), 24 * 60)),
        )

    def _whole(self, key: str, value: Any, most: int) -> int:
        if type(value) is not int or not 0 <= value <= most:
            raise self._wrong(key, f"a whole number from 0 to {most}")
        return value

    def _number(self, key: str, value: Any, most: int) -> Decimal:
        words = f"a number from 0 to {most} with at most two decimals"
        if type(value) not in (int, Decimal) or not Decimal(value).is_finite():
            raise self._wrong(key, words)
        number = Decimal(value)
        if not 0 <= number <= most or cents(number) != number:
            raise self._wrong(key, words)
        return number
