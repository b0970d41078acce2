"""The failure card's one shape: its parts in order, for terminal, HTML and JUnit alike. Empty parts
are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from itertools import groupby
from shlex import quote

from grader.report.escape import visible
from grader.report.model import ByteDiff, Failure, StageResult
from grader.verdicts import Verdict
from grader.wire.diff import Difference

_NOT_YOURS = (
    "The grader or this machine is at fault here, not your program. The stage was not "
    "judged and takes no blame."
)
_WHOSE = {Verdict.BUILD: "The compiler", Verdict.SANITIZER: "The sanitizer"}


class Kind(Enum):
    """How a part is shown."""

    TEXT = auto()  # the grader's own sentences
    BYTES = auto()  # the first difference, see ``Section.diff``
    LOG = auto()  # what the grader saw, an event a line
    # What a program, the compiler or a sanitizer printed: never to be taken for the grader's words.
    PROGRAM = auto()
    DRAWING = auto()  # the grader's own lines: never wrapped
    COMMAND = auto()  # to be copied: never wrapped, never cut


@dataclass(frozen=True)
class Section:
    """One part of the card. ``text`` holds the lines of a LOG or PROGRAM part, and the caption of
    the BYTES.
    """

    title: str
    text: str
    kind: Kind = Kind.TEXT
    diff: ByteDiff | None = None


def has_card(stage: StageResult) -> bool:
    """Whether there is more to say of a stage than its line in the table."""
    return stage.failure is not None or stage.verdict is Verdict.GRADER_ERROR


@dataclass(frozen=True)
class Card:
    """One card of a page: that of a stage, or one for all stages that failed in the same words,
    which ``shown`` then stands for. ``ids`` are those of the stages.
    """

    ids: list[str]
    shown: StageResult


def cards(stages: Sequence[StageResult]) -> Iterator[Card]:
    """The cards of these stages, which are told apart by what went wrong, in order of their first
    stages.
    """
    groups: dict[tuple[str, str], list[StageResult]] = {}
    for stage in filter(has_card, stages):
        groups.setdefault((stage.verdict, _words(stage)), []).append(stage)
    for group in groups.values():
        ids = [stage.id for stage in group]
        yield Card(ids, _as_one(group, _spans(ids, stages)) if len(group) > 1 else group[0])


def _words(stage: StageResult) -> str:
    """What does not depend on the stage: the grader's own trouble, or the compiler's words. It
    works on several files at once, so these come in any order.
    """
    if stage.failure is None:
        return stage.note
    if stage.verdict is Verdict.BUILD:
        return "\n".join(sorted((stage.failure.output or stage.failure.summary).split("\n")))
    return stage.id


def _as_one(group: list[StageResult], spans: str) -> StageResult:
    """The first, without what is said of that stage alone."""
    first = group[0]
    title = "does not compile" if first.verdict is Verdict.BUILD else "not judged"
    if first.failure is None:
        return replace(first, id=spans, title=title)
    summary = "" if first.failure.output else first.failure.summary
    failure = replace(
        first.failure, checks="", summary=summary, see="", source="", trace="", page=""
    )
    return replace(first, id=spans, title=title, failure=failure)


def _spans(ids: list[str], stages: Sequence[StageResult]) -> str:
    """``1.1 to 1.5, 1.8``: neighbours among all stages together."""
    places = [at for at, stage in enumerate(stages) if stage.id in ids]
    runs = groupby(enumerate(places), lambda pair: pair[1] - pair[0])
    found = [[stages[at].id for _, at in run] for _, run in runs]
    return ", ".join(_span(run[0], run[-1], len(run)) for run in found)


def _span(first: str, last: str, count: int) -> str:
    return {1: first, 2: f"{first} and {last}"}.get(count, f"{first} to {last}")


def sections(stage: StageResult) -> list[Section]:
    """The parts of the stage's card; none where there is no card."""
    if stage.failure is not None:
        parts = _of_failure(stage.failure, _WHOSE.get(stage.verdict, "Output"))
    elif stage.verdict is Verdict.GRADER_ERROR:
        parts = [
            Section("What it means", _NOT_YOURS),
            Section("What happened", stage.note, Kind.PROGRAM),
        ]
    else:
        parts = []
    return [part for part in parts if part.text.strip()]


def _of_failure(failure: Failure, whose: str) -> list[Section]:
    read = [f"handout {failure.see}" if failure.see else "", failure.source]
    return [
        Section("What it checks", failure.checks),
        Section("What was seen", failure.summary),
        Section("The bytes", _bytes_caption(failure.diff), Kind.BYTES, failure.diff),
        Section("Diagnosis", failure.diagnosis),
        Section("What happened", failure.drawing, Kind.DRAWING),
        Section("Transcript", "\n".join(failure.transcript), Kind.LOG),
        Section("The program", failure.process),
        Section("Its stderr", failure.stderr, Kind.PROGRAM),
        Section(whose, failure.output, Kind.PROGRAM),
        Section("Read", "; ".join(filter(None, read))),
        *map(Section, ("Hint", "Cause", "Remedy"), failure.hint.split("\n", 2)),
        Section("More hints", failure.more_hints, Kind.COMMAND),
        Section("Repeat it", failure.repeat, Kind.COMMAND),
        _trace(failure),
        Section("Step through it", failure.page, Kind.COMMAND),
    ]


def _trace(failure: Failure) -> Section:
    """Events of simulated servers can be had again, one by one."""
    if failure.drawing:
        return Section("Replay it", f"make replay TRACE={quote(failure.trace)}", Kind.COMMAND)
    return Section("Trace", failure.trace, Kind.COMMAND)


def _bytes_caption(diff: ByteDiff | None) -> str:
    if diff is None:
        return ""
    if diff.expected_size == diff.received_size:
        return diff.caption
    return (
        f"{diff.caption}\n{diff.expected_size:,} bytes expected in all, {diff.received_size:,} "
        "received"
    )


def difference(diff: ByteDiff) -> Difference:
    """The bytes back from the model, to be drawn anew."""
    return Difference(
        offset=diff.offset,
        start=diff.start,
        expected=bytes.fromhex(diff.expected),
        received=bytes.fromhex(diff.received),
        expected_size=diff.expected_size,
        received_size=diff.received_size,
    )


@dataclass(frozen=True)
class SkippedRange:
    """Stages in a row that were skipped for the same reason."""

    first: str
    last: str
    count: int
    reason: str

    def __str__(self) -> str:
        span = _span(self.first, self.last, self.count)
        return f"{span} skipped: {self.reason}" if self.reason else f"{span} skipped"


def skipped_ranges(stages: list[StageResult]) -> list[SkippedRange]:
    """All skipped stages, neighbours of one reason together, so that a page of them takes a
    line.
    """
    ranges: list[SkippedRange] = []
    open_range = False
    for stage in stages:
        if stage.verdict is not Verdict.SKIPPED:
            open_range = False
            continue
        reason = visible(stage.note)
        if open_range and ranges[-1].reason == reason:
            ranges[-1] = SkippedRange(ranges[-1].first, stage.id, ranges[-1].count + 1, reason)
        else:
            ranges.append(SkippedRange(stage.id, stage.id, 1, reason))
        open_range = True
    return ranges


def points_of(stage: StageResult) -> str:
    """``8/8``; a dash for what was not judged."""
    judged = stage.verdict not in (Verdict.SKIPPED, Verdict.GRADER_ERROR)
    return f"{stage.points if judged else '-'}/{stage.max_points}"


def tally(stages: list[StageResult]) -> str:
    """``6 passed, 1 failed, 6 skipped``, without what there is none of."""
    skipped = sum(stage.verdict is Verdict.SKIPPED for stage in stages)
    errors = sum(stage.verdict is Verdict.GRADER_ERROR for stage in stages)
    passed = sum(stage.verdict is Verdict.PASS for stage in stages)
    failed = len(stages) - skipped - errors - passed
    counts = {"passed": passed, "failed": failed, "not judged": errors, "skipped": skipped}
    return ", ".join(f"{count} {word}" for word, count in counts.items() if count)
