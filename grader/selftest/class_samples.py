"""A class that never was, with one of every kind, for the tests of the exports."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from grader.classroom.model import Entry, Handed, Stamp, Status, Student
from grader.classroom.policy import stages_of
from grader.labs.hints import hint_for
from grader.report.model import ByteDiff, Failure, LabResult, StageResult
from grader.selftest.samples import every_kind
from grader.verdicts import Verdict

LAB = 3
DUE = datetime(2026, 10, 12, 21, 59, tzinfo=UTC)
GCC = "gcc (Debian 12.2.0-14) 12.2.0"


def student(name: str, number: int) -> Student:
    """As a platform knows one."""
    key = f"{name.lower().replace(' ', '-')}-{number}"
    login = key.replace("-", "")
    return Student(key, name, str(number), login, f"{login}@example.org")


def result_of(failed: dict[str, Verdict], stop: bool = False, seconds: float = 0.1) -> LabResult:
    """Of lab 3: what is not named has passed; with ``stop``, what follows a failed stage is
    skipped, and so are the extensions.
    """
    result = LabResult(LAB, "A RESP parser, and a store behind it", 7, "namespaces", "", GCC)
    for stage in stages_of(LAB):
        verdict = failed.get(stage.id, Verdict.SKIPPED if stage.extension else Verdict.PASS)
        if stop and any(s.failure for s in result.stages):
            verdict = Verdict.SKIPPED
        points = stage.points if verdict is Verdict.PASS else 0
        made = StageResult(stage.id, stage.title, verdict, points, stage.points, stage.extension)
        made.duration_s = 0.0 if verdict is Verdict.SKIPPED else seconds + int(stage.id[2:]) / 8
        if verdict not in (Verdict.PASS, Verdict.SKIPPED, Verdict.GRADER_ERROR):
            made.failure = _failure(stage.id, verdict)
        result.stages.append(made)
    return result


@cache
def _card() -> Failure:
    card = every_kind().stages[1].failure
    assert card is not None
    return card


def wrong_bytes() -> ByteDiff | None:
    """Those of the card that all have here."""
    return _card().diff


def _failure(stage: str, verdict: Verdict) -> Failure:
    return replace(
        _card(),
        summary=f"{stage}: the reply to 40 commands, sent in pieces, differs",
        diagnosis_id="" if verdict is Verdict.WRONG else verdict.lower(),
        hint=hint_for(stage, verdict.lower()).question,
        more_hints=f"make hint STAGE={stage} TIER=2",
        repeat=f"make lab{LAB} STAGE={stage} SEED=7 WORK=/tmp/x-1/labs BORROW=1,2",
        trace=f"/tmp/x-1/out/traces/lab{LAB}-{stage}.jsonl",
    )


def entry(
    who: Student,
    result: LabResult | None,
    status: Status = Status.GRADED,
    at: datetime | None = DUE,
    story: str = "",
    layout: str = "moodle",
    **handed: Any,
) -> Entry:
    """A submission of that result's lab, else of lab 3, with that outcome."""
    lab, seed = (result.lab, result.seed) if result else (LAB, 7)
    made = Handed(f"{who.key}.zip", layout, "ab" * 32, at, **handed)
    stamp = Stamp("ab" * 32, "cd" * 32, GCC, "namespaces", lab, seed)
    return Entry(who, made, stamp, status, result, story, seconds=12.5, cpu_seconds=9.25)


_NAMES = (
    "Ada Lovelace", "Alan Turing", "Barbara Liskov", "Dennis Ritchie", "Edsger Dijkstra",
    "Frances Allen", "Grace Hopper", "Jeanette Scissum", "John Backus", "Karen Jones",
    "Ken Thompson", "Leslie Lamport", "Margaret Hamilton", "Niklaus Wirth", "Radia Perlman",
    "Tony Hoare",
)  # fmt: skip


def a_class() -> list[Entry]:
    """Some who passed, some who did not, late ones, and one that nobody could judge."""
    verdicts = (Verdict.WRONG, Verdict.CRASH, Verdict.HANG, Verdict.SANITIZER, Verdict.BUILD)
    made = []
    for number, name in enumerate(_NAMES):
        wrong = [f"{LAB}.{1 + (number * 5 + n * 3) % 13}" for n in range(number % 5)]
        failed = {stage: verdicts[n % 5] for n, stage in enumerate(wrong)}
        passed = {f"{LAB}.14": Verdict.PASS} if number % 4 == 0 else {}
        result = result_of(failed | passed, stop=number % 3 == 2, seconds=0.2 * number)
        at = DUE + timedelta(hours=26 * (number % 6 - 3))
        made.append(entry(student(name, 100 + number), result, at=at, extra=("notes.txt",)))
    story = 'Traceback (most recent call last):\n  File "grader/x.py", line 7\nOSError: no space'
    broken = entry(student("Vint Cerf", 300), None, Status.QUARANTINED, story=story)
    empty = entry(
        student("Jon Postel", 301), None, Status.REFUSED, refused="no file of lab 3 in it"
    )
    return [*made, broken, empty]
