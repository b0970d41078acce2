"""A lab's stages as a platform scores them: one test a stage."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

from grader.classroom.exports.student import student_result
from grader.classroom.model import Entry
from grader.classroom.policy import Policy, stages_of
from grader.report.model import StageResult
from grader.report.terminal import card_text
from grader.verdicts import Verdict


@dataclass(frozen=True)
class Scored:
    """A stage, what it is worth, and what was reached; ``result`` is None where nobody came to it.
    ``points`` is None where it was not judged.
    """

    id: str
    title: str
    worth: Decimal
    points: Decimal | None
    result: StageResult | None
    extension: bool = False

    @property
    def passed(self) -> bool:
        """Whether it was judged, and nothing was wrong."""
        return self.result is not None and self.result.verdict is Verdict.PASS

    def words(self) -> str:
        """What the student reads of it: the failure card, or why there is none."""
        if self.result is None:
            return "It was not graded."
        if self.result.verdict is Verdict.SKIPPED:
            return f"Skipped: {self.result.note}" if self.result.note else "Skipped."
        return card_text(self.result)

    def summary(self) -> str:
        """The same in a line."""
        if self.result is None or self.result.failure is None:
            return "" if self.passed else " ".join(self.words().split())
        failure = self.result.failure
        parts = (str(self.result.verdict), failure.summary, failure.diagnosis, failure.hint)
        return "; ".join(filter(None, (" ".join(part.split()) for part in parts)))


def scored(entry: Entry, policy: Policy) -> Iterator[Scored]:
    """All stages that count, and the extensions that were attempted, in order. Of a submission that
    was refused, none has points.
    """
    seen = student_result(entry.result, policy) if entry.result else None
    outcomes = {stage.id: _alone(stage) for stage in seen.stages} if seen else {}
    for stage in stages_of(entry.stamp.lab):
        result, worth = outcomes.get(stage.id), policy.most(stage)
        if worth or (result is not None and result.verdict is not Verdict.SKIPPED):
            points = _points(result, worth)
            yield Scored(stage.id, stage.title, worth, points, result, stage.extension)


def _points(result: StageResult | None, worth: Decimal) -> Decimal | None:
    if result is not None and result.verdict is Verdict.GRADER_ERROR:
        return None
    return worth if result is not None and result.verdict is Verdict.PASS else Decimal(0)


def _alone(stage: StageResult) -> StageResult:
    """A platform gets no files beside the result, so none is named."""
    failure = stage.failure and replace(stage.failure, trace="", page="")
    return replace(stage, failure=failure)
