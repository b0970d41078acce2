"""What must become of each submission: ``expected.json`` beside the class."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from grader.classroom.model import Entry, Status
from grader.report.model import StageResult
from grader.verdicts import Verdict

GRADED, REFUSED = str(Status.GRADED), str(Status.REFUSED)

# Of a program that is not where it was meant to be: it fails somewhere, and breaks no grader.
ANY_STAGE = "any"


@dataclass(frozen=True)
class Expected:
    """A submission, and what must become of it.

    ``source`` is the name of its file or folder in the class, or how the names of all its files
    begin. ``id`` is what the export tells, or "". ``stage`` is the first that fails, ANY_STAGE, or
    "" if all pass; ``verdicts`` are those that it may get there.
    """

    source: str
    id: str
    name: str
    kind: str
    program: str
    status: tuple[str, ...] = (GRADED,)
    stage: str = ""
    verdicts: tuple[str, ...] = ()

    def wrong(self, entry: Entry) -> str:
        """What of the outcome is not as expected, or ""."""
        if str(entry.status) not in self.status:
            return f"{entry.status}, not {' or '.join(self.status)}: {_why(entry)}"
        if self.id and entry.student.id != self.id:
            return f"it is of the student {entry.student.id}, not {self.id}"
        if entry.status is not Status.GRADED:
            return ""
        if entry.result is None:
            return "graded, without a result"
        return self._wrong_stages(entry.result.stages)

    def _wrong_stages(self, stages: list[StageResult]) -> str:
        for stage in stages:
            if stage.verdict is Verdict.GRADER_ERROR:
                return f"{stage.id} is a GRADER-ERROR: {stage.note}"
        if self.stage == ANY_STAGE:
            return "it passes every stage" if all(map(_passes, stages)) else ""
        # A hostile program may stop earlier stages too, and then comes late to its own.
        late = (str(Verdict.HANG),) if self.kind == "hostile" else ()
        for stage in stages:
            if stage.id == self.stage:
                right = str(stage.verdict) in (*self.verdicts, *late)
                return "" if right else f"{stage.id} is {stage.verdict}, not {self.verdicts}"
            if not _passes(stage) and not (self.stage and stage.extension) and not late:
                return f"{stage.id} is {stage.verdict}"
        return f"there is no stage {self.stage}" if self.stage else ""


def _passes(stage: StageResult) -> bool:
    """An extension need not be attempted."""
    return stage.verdict is Verdict.PASS or (
        stage.extension and stage.verdict is Verdict.SKIPPED and stage.failure is None
    )


def _why(entry: Entry) -> str:
    return (entry.handed.refused or entry.story or "no word why")[:200]


def write(path: Path, head: dict[str, Any], expected: list[Expected]) -> None:
    """Writes the manifest, with what the class was made of at its head."""
    data = {**head, "students": [asdict(one) for one in expected]}
    path.write_text(json.dumps(data, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def read(path: Path) -> list[Expected]:
    """The inverse of ``write``."""
    found = json.loads(path.read_text(encoding="utf-8"))["students"]
    for one in found:
        one["status"], one["verdicts"] = tuple(one["status"]), tuple(one["verdicts"])
    return [Expected(**one) for one in found]
