"""Any entry that the model allows, for Hypothesis: every text may be anything."""

from __future__ import annotations

from datetime import UTC, timedelta, timezone
from typing import Any

from hypothesis import strategies as some

from grader.classroom.model import Entry, Handed, Stamp, Status, Student
from grader.classroom.policy import Late, Policy, stages_of
from grader.report.model import ByteDiff, Failure, LabResult, StageResult
from grader.selftest.class_samples import DUE, wrong_bytes
from grader.verdicts import Verdict

# What does harm somewhere: formulas, HTML, controls, lone surrogates, writing from right to left.
_BITS = some.sampled_from(
    [
        "=1+1", "+2", "-3", "@SUM(A1)", "=cmd|' /c calc'!A0", "＝1", "＋1", "－1", "＠1",
        "\t=1", "\r=1", "\n=1", " =1", "'=1", '"=1', ";=1", ",=1", '";=1;"', "|=1",
        "\u00a0=1", "\u3000=1", "\u200b=1", "-", "0", " ",
        "<script>alert(1)</script>", "&amp;", "\"'>", "<img src=x onerror=y>", "{{ 7*7 }}",
        "javascript:alert(1)", "::error::x", "##[error]x", "../..", "/home/ada/x.c",
        "\x00", "\x1b[31m", "\u202e", "\ud800", "\udcff", "\u2028", "\ufeff", "Zoë", "李",
        "Points Possible",
    ]
)  # fmt: skip
TEXTS = some.lists(_BITS | some.text(max_size=6), max_size=4).map("".join)
_TUPLES = some.lists(TEXTS, max_size=2).map(tuple)
_SECONDS = some.floats(0, 1e6)
_KEYS = some.from_regex(r"[a-z0-9-]{1,64}", fullmatch=True)
_TIMES = some.datetimes(
    min_value=DUE.replace(tzinfo=None) - timedelta(days=30),
    max_value=DUE.replace(tzinfo=None) + timedelta(days=30),
    timezones=some.sampled_from([None, UTC, timezone(timedelta(hours=-9, minutes=-30))]),
)
_STUDENTS = some.builds(
    Student, _KEYS, TEXTS, TEXTS | some.integers(0).map(str), login=TEXTS, email=TEXTS
)
_HANDED = some.builds(
    Handed,
    TEXTS,
    some.sampled_from(["plain", "moodle", "canvas", "gradescope"]),
    TEXTS,
    at=some.none() | _TIMES,
    is_late=some.none() | some.booleans(),
    missing=_TUPLES,
    extra=_TUPLES,
    notes=_TUPLES,
    refused=TEXTS,
)
_STAMPS = some.builds(Stamp, TEXTS, TEXTS, TEXTS, TEXTS, some.integers(1, 6), some.integers(0))


def _failure(texts: tuple[str, str, str], id: str, diff: ByteDiff | None) -> Failure:
    """With few texts in many places: they take long to make."""
    one, two, three = texts
    return Failure(
        checks=one, summary=two, see="lab1#stream", source=three, transcript=[one, two], diff=diff,
        diagnosis_id=id, diagnosis=one, process=two, stderr=three, output=one, hint=two,
        more_hints=three, repeat=one, trace=two, drawing=three, page=one,
    )  # fmt: skip


_FAILURES = some.builds(
    _failure,
    some.tuples(TEXTS, TEXTS, TEXTS),
    some.sampled_from(["", "crash", "byte-dropped"]),
    some.sampled_from([None, wrong_bytes()]),
)


@some.composite
def _stages(draw: some.DrawFn, lab: int) -> list[StageResult]:
    """Some of the lab's, with any outcome."""
    made = []
    for stage in draw(some.lists(some.sampled_from(stages_of(lab)), max_size=3, unique=True)):
        verdict = draw(some.sampled_from(Verdict))
        points = stage.points if verdict is Verdict.PASS else 0
        outcome: dict[str, Any] = {"duration_s": draw(_SECONDS), "note": draw(TEXTS)}
        if verdict not in (Verdict.PASS, Verdict.SKIPPED, Verdict.GRADER_ERROR):
            outcome["failure"] = draw(_FAILURES)
        made.append(
            StageResult(
                stage.id, stage.title, verdict, points, stage.points, stage.extension, **outcome
            )
        )
    return made


@some.composite
def entries(draw: some.DrawFn) -> Entry:
    """One of any kind, with any names."""
    stamp, status = draw(_STAMPS), draw(some.sampled_from(Status))
    result = None
    if status is Status.GRADED:
        level = draw(some.sampled_from(["namespaces", "limits"]))
        title, reason, gcc = (draw(TEXTS) for _ in range(3))
        result = LabResult(stamp.lab, title, stamp.seed, level, reason, gcc)
        result.stages = draw(_stages(stamp.lab))
    return Entry(
        draw(_STUDENTS),
        draw(_HANDED),
        stamp,
        status,
        result,
        draw(TEXTS),
        draw(_SECONDS),
        cpu_seconds=1.5,
        graded_at=draw(some.none() | some.just(DUE)),
    )


POLICIES = some.builds(
    Policy,
    some.dictionaries(
        some.sampled_from([stage.id for lab in (1, 3) for stage in stages_of(lab)]),
        some.decimals(0, 1000, places=2),
        max_size=4,
    ),
    some.builds(
        Late,
        some.none() | some.just(DUE),
        some.integers(0, 366),
        some.decimals(0, 100, places=2),
        some.integers(0, 1440).map(lambda minutes: timedelta(minutes=minutes)),
    ),
    some.integers(0, 3),
)
