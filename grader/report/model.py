"""The one result model. Every renderer reads only this; ``schema.json`` beside it says the same as
a JSON schema.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import Any

from grader import SCHEMA_VERSION, VERSION
from grader.verdicts import Verdict

Points = int | Decimal  # whole ones are the lab's own, the others an instructor's


@dataclass(frozen=True)
class ByteDiff:
    """The first difference: offsets in bytes, windows of the two streams in hexadecimal, and the
    same as drawn rows.
    """

    offset: int
    start: int
    expected: str
    received: str
    expected_size: int
    received_size: int
    caption: str
    rows: list[str]


@dataclass(frozen=True)
class Failure:
    """The failure card. All text in it is safe to show: what the student's program printed is
    escaped and cut.
    """

    checks: str  # the rule: what the stage checks
    summary: str  # what was seen
    see: str  # handout, as chapter#heading
    source: str  # RFC, paper or man page
    transcript: list[str]  # what the grader sent and saw, oldest first
    diff: ByteDiff | None
    diagnosis_id: str
    diagnosis: str
    process: str  # what the program was doing when the stage failed
    stderr: str  # the tail of its standard error
    output: str  # the compiler's or the sanitizer's own words
    hint: str  # the first tier, a question; in class mode a line for each that may be seen
    more_hints: str  # the command that shows the others
    repeat: str  # the command that repeats this failure
    trace: str  # the file with the whole transcript
    drawing: str = ""  # simulated servers: the last events as a ladder
    page: str = ""  # the file that shows them all, to be opened in a browser


@dataclass
class StageResult:
    """A stage's outcome; ``points`` are those reached."""

    id: str
    title: str
    verdict: Verdict
    points: Points
    max_points: Points
    extension: bool
    unstable: bool = False
    duration_s: float = 0.0
    note: str = ""  # why it was skipped, or what went wrong in the grader
    failure: Failure | None = None
    # Of simulated servers: runs, events that were delivered and checked, and virtual seconds.
    schedules: int | None = None
    events: int | None = None
    virtual_s: float | None = None


@dataclass
class LabResult:
    """One lab's outcome. Points count the main stages; extensions are counted apart."""

    lab: int
    title: str
    seed: int
    isolation: str
    isolation_reason: str
    toolchain: str
    stages: list[StageResult] = field(default_factory=list)

    def _main(self) -> list[StageResult]:
        return [stage for stage in self.stages if not stage.extension]

    @property
    def points(self) -> Points:
        return sum(stage.points for stage in self._main())

    @property
    def max_points(self) -> Points:
        return sum(stage.max_points for stage in self._main())

    @property
    def extension_points(self) -> Points:
        return sum(stage.points for stage in self.stages if stage.extension)

    @property
    def max_extension_points(self) -> Points:
        return sum(stage.max_points for stage in self.stages if stage.extension)

    def exit_status(self, only: str | None = None) -> int:
        """0 when every main stage passed, 1 when one did not, 2 when the grader is at fault.

        ``only`` names the one stage that was asked for, which then decides, extension or not.
        """
        counted = self._main() if only is None else [s for s in self.stages if s.id == only]
        if any(stage.verdict is Verdict.GRADER_ERROR for stage in counted):
            return 2
        return 0 if all(stage.verdict is Verdict.PASS for stage in counted) else 1

    def to_json(self) -> dict[str, Any]:
        """As ``labN.json``."""
        return {
            "schema_version": SCHEMA_VERSION,
            "grader_version": VERSION,
            "lab": self.lab,
            "title": self.title,
            "seed": self.seed,
            "isolation": self.isolation,
            "isolation_reason": self.isolation_reason,
            "toolchain": self.toolchain,
            "points": self.points,
            "max_points": self.max_points,
            "extension_points": self.extension_points,
            "max_extension_points": self.max_extension_points,
            "stages": [_stage_json(stage) for stage in self.stages],
        }

    @staticmethod
    def from_json(data: dict[str, Any]) -> LabResult:
        """The inverse of ``to_json``."""
        result = LabResult(*(data[name] for name in _LAB_FIELDS))
        result.stages = [_stage_from_json(stage) for stage in data["stages"]]
        return result


_LAB_FIELDS = ("lab", "title", "seed", "isolation", "isolation_reason", "toolchain")


def _stage_json(stage: StageResult) -> dict[str, Any]:
    optional = ("failure", "schedules", "events", "virtual_s")
    return {
        name: value
        for name, value in asdict(stage).items()
        if value is not None or name not in optional
    }


def _stage_from_json(data: dict[str, Any]) -> StageResult:
    fields = dict(data)
    failure = fields.pop("failure", None)
    fields["verdict"] = Verdict(fields["verdict"])
    result = StageResult(**fields)
    if failure is not None:
        diff = ByteDiff(**failure["diff"]) if failure["diff"] else None
        result.failure = Failure(**{**failure, "diff": diff})
    return result
