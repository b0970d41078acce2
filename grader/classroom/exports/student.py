"""What a student may see of an outcome: commands that work at home, hints up to the policy's tier,
and nothing of the machine that graded.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import fields, replace
from decimal import Decimal

from grader.classroom.exports.cells import plain
from grader.classroom.model import Entry, Status
from grader.classroom.policy import Grade, Policy, grade_of, stages_of
from grader.labs.hints import Hint, hint_for
from grader.report import html
from grader.report.model import Failure, LabResult, StageResult
from grader.verdicts import Verdict

NOT_JUDGED = (
    "The grader or its machine failed here, not this submission. It was not judged, and has no "
    "points; a person must look."
)

# Folders where graders and their users live. What lies in /usr is the same everywhere.
_ELSEWHERE = re.compile(
    r"(?<![\w.…/])/(?:home|root|tmp|var|srv|opt|mnt|media|data|scratch|work|run/user|Users)"
    r"(?:/[^\s/:;,'\"()<>\[\]]+)*/([^\s/:;,'\"()<>\[\]]+)"
)
_BORROW = re.compile(r"(?:^|\s)(BORROW=[1-6](?:,[1-6])*)(?:\s|$)")


def student_result(result: LabResult, policy: Policy) -> LabResult:
    """The same result, for the student's eyes."""
    seen = replace(result, isolation_reason=without_paths(result.isolation_reason))
    seen.stages = [_stage(stage, result, policy) for stage in result.stages]
    return seen


def student_report(entry: Entry, policy: Policy) -> str:
    """The student's page, with points as the policy counts them. One that was not graded says
    why.
    """
    results = [_counted(student_result(entry.result, policy), policy)] if entry.result else []
    title = f"Lab {entry.stamp.lab}: {entry.student.name or entry.student.key}"
    return html.render(results, title=title, facts=facts(entry, policy), bonus=True)


def _counted(result: LabResult, policy: Policy) -> LabResult:
    """With the policy's points in place of the lab's own."""
    worth = {stage.id: plain(policy.most(stage)) for stage in stages_of(result.lab)}
    stages = []
    for stage in result.stages:
        most = worth.get(stage.id, Decimal(0))
        points = most if stage.verdict is Verdict.PASS else Decimal(0)
        stages.append(replace(stage, points=points, max_points=most))
    return replace(result, stages=stages)


def facts(entry: Entry, policy: Policy) -> list[tuple[str, str]]:
    """What stands at the top: the grade, and what was made of what was handed in."""
    handed = entry.handed
    known = [
        ("Grade", grade_words(entry, grade_of(entry, policy))),
        ("Handed in", handed.at.isoformat(" ", "minutes") if handed.at else ""),
        ("Refused", without_paths(handed.refused)),
        ("Missing", ", ".join(handed.missing)),
        ("Not used", ", ".join(handed.extra)),
        ("Noted", without_paths("; ".join(handed.notes))),
    ]
    return [(name, text) for name, text in known if text]


def grade_words(entry: Entry, grade: Grade) -> str:
    """``64.8 of 100``, and why it is less than the points."""
    if grade.final is None or grade.points is None:
        return NOT_JUDGED
    words = f"{plain(grade.final)} of {plain(grade.max_points)}"
    if grade.late_days:
        days = f"{grade.late_days} day{'s' if grade.late_days > 1 else ''} late"
        words += f" ({plain(grade.points)}, less {plain(grade.deduction)} %: {days})"
    return f"{words}: nothing could be graded" if entry.status is Status.REFUSED else words


def without_paths(text: str) -> str:
    """Absolute names of files as they are on the grader's machine, cut to the last part."""
    return _ELSEWHERE.sub(r"…/\1", text)


def _stage(stage: StageResult, result: LabResult, policy: Policy) -> StageResult:
    note = "" if stage.verdict is Verdict.GRADER_ERROR else without_paths(stage.note)
    failure = stage.failure and _failure(stage.failure, stage, result, policy)
    return replace(stage, note=note, failure=failure)


def _failure(failure: Failure, stage: StageResult, result: LabResult, policy: Policy) -> Failure:
    seen = _each_text(failure, without_paths)
    borrow = _BORROW.search(failure.repeat)
    words = ["make", f"lab{result.lab}", f"STAGE={stage.id}", f"SEED={result.seed}"]
    return replace(
        seen,
        hint=hints(stage, failure, policy.highest_tier),
        more_hints="",
        repeat=" ".join([*words, *([borrow[1]] if borrow else [])]),
        trace=_beside(failure.trace),
        page=_beside(failure.page),
    )


def hint_of(stage: StageResult, failure: Failure) -> Hint | None:
    """All tiers of the hint; None for a stage that this grader does not know."""
    try:
        return hint_for(stage.id, failure.diagnosis_id or stage.verdict.lower())
    except (KeyError, ImportError, ValueError):
        return None


def hints(stage: StageResult, failure: Failure, tier: int) -> str:
    """The tiers up to that one, a line each."""
    known = hint_of(stage, failure)
    tiers = list(known) if known else [failure.hint.partition("\n")[0]]
    return "\n".join(tiers[:tier])


def _beside(path: str) -> str:
    """A file beside the report may be named, another not."""
    return path if re.fullmatch(r"traces/[\w.-]+", path, re.ASCII) else ""


def _each_text(failure: Failure, change: Callable[[str], str]) -> Failure:
    """With that change in all its own texts and lists of them; bytes stay as they are."""
    changed: dict[str, str | list[str]] = {}
    for field in fields(failure):
        value = getattr(failure, field.name)
        if isinstance(value, str):
            changed[field.name] = change(value)
        elif isinstance(value, list):
            changed[field.name] = [change(line) for line in value]
    return replace(failure, **changed)  # type: ignore[arg-type]
