"""``class.html``: the report on the class, one page that needs nothing else and no script."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from statistics import mean, median

from grader.classroom.exports import figures
from grader.classroom.exports.cells import plain
from grader.classroom.exports.grades import HASH_DIGITS
from grader.classroom.model import Entry, Status
from grader.classroom.policy import Late, Policy, cents, stages_of
from grader.report import html

_HERE = Path(__file__).resolve().parent


def render(entries: list[Entry], policy: Policy) -> str:
    """The page as HTML. Its links lead to the students' folders beside it."""
    rows = figures.by_points(entries, policy)
    known = [
        ("Graded", _newest(entries)),
        ("Policy", _policy(policy, {entry.stamp.lab for entry in entries})),
        *_facts(entries, rows),
    ]
    return html.document(
        html.environment(_HERE).get_template("class.html.jinja"),
        _HERE / "class.css",
        title=_title(entries),
        facts=[(name, text) for name, text in known if text],
        quarantined=_of(entries, Status.QUARANTINED),
        refused=_of(entries, Status.REFUSED),
        bins=figures.distribution(rows),
        difficulties=figures.difficulties(entries),
        causes=figures.causes(entries),
        by_points=rows,
        by_name=figures.by_name(rows),
    )


def _newest(entries: list[Entry]) -> str:
    """When the newest outcome was reached, in this machine's time zone; "" if none was."""
    times = [entry.graded_at for entry in entries if entry.graded_at]
    return max(times).astimezone().isoformat(" ", "minutes") if times else ""


def _of(entries: list[Entry], status: Status) -> list[Entry]:
    return [entry for entry in entries if entry.status is status]


def _title(entries: list[Entry]) -> str:
    labs = ", ".join(str(lab) for lab in sorted({entry.stamp.lab for entry in entries}))
    count = f"{len(entries)} submission{'' if len(entries) == 1 else 's'}"
    return f"Lab {labs}: {count}" if labs else count


def _facts(entries: list[Entry], rows: list[figures.Row]) -> list[tuple[str, str]]:
    finals = [row.grade.final for row in rows if row.grade.final is not None]
    stamps = [entry.stamp for entry in entries]
    late = sum(row.grade.late_days > 0 for row in rows)
    return [
        ("Points", _spread(finals)),
        ("Late", f"{late} of {len(rows)}" if late else ""),
        ("Time", _times(entries)),
        ("Seed", _all(str(stamp.seed) for stamp in stamps)),
        ("Compiler", _all(stamp.toolchain for stamp in stamps)),
        ("Isolation", _all(stamp.isolation for stamp in stamps)),
        ("Grader", _all(stamp.grader[:HASH_DIGITS] for stamp in stamps)),
    ]


def _policy(policy: Policy, labs: set[int]) -> str:
    """What the policy says of these labs."""
    stages = [
        stage for lab in sorted(labs) for stage in stages_of(lab) if stage.id in policy.points
    ]
    named = [
        f"{stage.id} {'a bonus of' if stage.extension else 'worth'} {plain(policy.most(stage))}"
        for stage in stages
    ]
    points = ", ".join(named) or "stages' own points"
    tier = policy.highest_tier
    hints = f"hints up to tier {tier}" if tier else "no hints"
    return f"{points}; {_lateness(policy.late)}; {hints}"


def _lateness(late: Late) -> str:
    if late.due is None:
        return "no deduction for lateness"
    grace = f" with {late.grace // timedelta(minutes=1)} minutes of grace" if late.grace else ""
    days = f"{late.days} day{'' if late.days == 1 else 's'} late at most"
    less = f", {plain(late.percent)} % less for each" if late.days and late.percent else ""
    return f"due {late.due.isoformat(' ', 'minutes')}{grace}, {days}{less}"


def _spread(finals: list[Decimal]) -> str:
    if not finals:
        return ""
    middle, average = (plain(cents(value)) for value in (median(finals), mean(finals)))
    return f"median {middle}, mean {average}, from {plain(min(finals))} to {plain(max(finals))}"


def _times(entries: list[Entry]) -> str:
    if not entries:
        return ""
    seconds = sum(entry.seconds for entry in entries)
    cpu = sum(entry.cpu_seconds for entry in entries)
    each = f"{seconds / len(entries):.1f} s and {cpu / len(entries):.1f} s"
    return f"{seconds:,.0f} s and {cpu:,.0f} s of CPU in all, {each} a submission"


def _all(values: Iterable[str]) -> str:
    """All that differ, since they should not; of many, how many."""
    found = sorted(set(filter(None, values)))
    return ", ".join(found) if len(found) < 5 else f"{len(found)} different ones"
