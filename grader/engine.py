"""Runs graded stages with pytest, which collects and orders them, and turns what happens into
results.

The verdict is computed here, in the grader's own process, from what its own sockets and the kernel
say.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import pytest
from _pytest.runner import runtestprotocol

from grader.errors import MachineError, UsageError, story
from grader.labs import Lab
from grader.labs.codec import foreign_answer
from grader.labs.fixtures import ATTEMPT
from grader.labs.stage import VALGRIND_SLOWNESS, Attempt, Stage
from grader.patience import Patience
from grader.report import card
from grader.report.model import LabResult, StageResult
from grader.run.build import Builder
from grader.run.debugger import Debugger
from grader.run.sandbox import Sandbox
from grader.run.world import World
from grader.verdicts import NotAttempted, StageFailure, Verdict

STAGES = Path(__file__).resolve().parent / "labs"
_MOST_HELD = 1 << 30  # bytes of what a stage's programs sent
_AS_LONG = 0.8  # of its deadline: a stage that fails after that hung, however it is called


class Reporter(Protocol):
    """Told of each stage as it begins and ends."""

    def begin(self, stage: Stage) -> None: ...

    def done(self, result: StageResult) -> None: ...


@dataclass(frozen=True)
class Plan:
    """What to run. ``only`` is one stage's id; ``go_on`` runs what is behind a failure, and the
    extensions; with ``shared_deadline_s``, what is behind two stages that hung has so much time in
    all.
    """

    lab: Lab
    seed: int
    only: str | None = None
    go_on: bool = False
    repeat: bool = True
    debugger: Debugger | None = None
    valgrind: bool = False
    shared_deadline_s: float = 0


def stages_of(lab: Lab) -> list[Stage]:
    """All stages of a lab in order, without running any."""
    found: list[Stage] = []

    class Collector:
        @pytest.hookimpl
        def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
            found.extend(_stage(item) for item in items)

    _pytest(lab, Collector(), "--collect-only")
    return sorted(found, key=lambda stage: stage.order)


def run(
    plan: Plan, sandbox: Sandbox, builder: Builder, traces: Path, reporter: Reporter
) -> LabResult:
    """Runs the lab's stages and returns the result. Raises UsageError for a stage that there is
    not.
    """
    result = LabResult(
        plan.lab.number,
        plan.lab.title,
        plan.seed,
        sandbox.isolation.level,
        sandbox.isolation.reason,
        builder.compiler,
    )
    engine = _Engine(plan, sandbox, builder, traces, reporter, result)
    status = _pytest(plan.lab, engine)
    if status == pytest.ExitCode.INTERRUPTED:
        raise KeyboardInterrupt
    if status not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED) or engine.unknown_stage:
        raise UsageError(engine.unknown_stage or f"pytest ended with {status!r}")
    return result


@contextmanager
def bare_attempt(plan: Plan, sandbox: Sandbox, builder: Builder) -> Iterator[Attempt]:
    """For what is no stage: programs of the lab, started as stages start them, without a
    deadline.
    """
    stage = Stage(f"{plan.lab.number}.0", "no stage", 0, "")
    attempt = Attempt(stage, plan.seed, sandbox, builder, World(None), plan.debugger)
    try:
        yield attempt
    finally:
        attempt.close()


def _pytest(lab: Lab, plugin: object, *options: str) -> int:
    """pytest with nothing of the caller's: no environment, no ini file, no plugins but ours."""
    for name in [name for name in os.environ if name.startswith("PYTEST")]:
        del os.environ[name]
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    arguments = [
        "-c",
        str(STAGES / "pytest.ini"),
        "--rootdir",
        str(STAGES),
        "--import-mode=importlib",
        "--capture=no",
    ]
    arguments += [
        "-p",
        "no:cacheprovider",
        "-p",
        "no:terminal",
        "-p",
        "no:faulthandler",
        "-p",
        "grader.labs.fixtures",
    ]
    return int(
        pytest.main([*arguments, *options, str(STAGES / f"lab{lab.number}")], plugins=[plugin])
    )


def _stage(item: pytest.Item) -> Stage:
    mark = item.get_closest_marker("stage")
    assert mark is not None, item.nodeid
    found: Stage = mark.args[0]
    return found


class _Engine:
    """The pytest plugin of one run."""

    def __init__(
        self,
        plan: Plan,
        sandbox: Sandbox,
        builder: Builder,
        traces: Path,
        reporter: Reporter,
        result: LabResult,
    ) -> None:
        self.plan, self.sandbox, self.builder = plan, sandbox, builder
        self.traces, self.reporter, self.result = traces, reporter, result
        self.unknown_stage = ""
        self._patience = Patience(plan.shared_deadline_s)
        self._blocked_by = ""
        self._outcome: StageResult | None = None
        self._used_s = 0.0  # of its deadline, by the last run

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items.sort(key=lambda item: _stage(item).order)
        ids = [_stage(item).id for item in items]
        if self.plan.only is not None and self.plan.only not in ids:
            self.unknown_stage = (
                f"STAGE={self.plan.only}: lab {self.plan.lab.number} has the "
                f"stages {', '.join(ids)}"
            )
            items.clear()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool:
        stage = _stage(item)
        reason = self._reason_to_skip(stage)
        if reason:
            result = StageResult(
                stage.id,
                stage.title,
                Verdict.SKIPPED,
                0,
                stage.points,
                stage.extension,
                note=reason,
            )
        else:
            self.reporter.begin(stage)
            result = self._judge(item, nextitem, stage)
        if (
            result.verdict not in (Verdict.PASS, Verdict.SKIPPED)
            and not stage.extension
            and not self.plan.go_on
        ):
            self._blocked_by = stage.id
        self.result.stages.append(result)
        self.reporter.done(result)
        return True

    def _reason_to_skip(self, stage: Stage) -> str:
        if self.plan.only is not None:
            return "" if stage.id == self.plan.only else "not asked for"
        if stage.extension and not self.plan.go_on:
            return "an extension: ALL=1 runs it"
        if self._blocked_by:
            return f"behind stage {self._blocked_by}"
        return self._patience.reason_to_skip()

    def _judge(self, item: pytest.Item, nextitem: pytest.Item | None, stage: Stage) -> StageResult:
        """The first run counts."""
        began = time.monotonic()
        own_s = stage.seconds * (VALGRIND_SLOWNESS if self.plan.valgrind else 1)
        seconds = self._patience.seconds(own_s)
        first = self._attempt(item, nextitem, stage, seconds)
        fine = first.verdict in (Verdict.PASS, Verdict.SKIPPED)
        hung = first.verdict is Verdict.HANG or (not fine and self._used_s >= _AS_LONG * seconds)
        self._patience.judged(self._used_s, hung)
        if not self._patience.is_shared:
            self._look_again(first, item, nextitem, stage)
        elif hung and seconds < own_s:
            _say_more(first, self._patience.words())
        first.duration_s = round(time.monotonic() - began, 3)
        return first

    def _look_again(
        self, first: StageResult, item: pytest.Item, nextitem: pytest.Item | None, stage: Stage
    ) -> None:
        """A failure is run again: it stands, and is marked unstable if it does not repeat."""
        final = (Verdict.PASS, Verdict.SKIPPED, Verdict.GRADER_ERROR, Verdict.BUILD)
        if first.verdict in final or not self.plan.repeat or self.plan.debugger is not None:
            return
        own_s = stage.seconds * (VALGRIND_SLOWNESS if self.plan.valgrind else 1)
        again = self._attempt(item, nextitem, stage, self._patience.seconds_again(own_s))
        first.unstable = again.verdict is not first.verdict
        if first.verdict is again.verdict is Verdict.HANG:
            _say_more(first, "so it was in a second run")

    def _attempt(
        self, item: pytest.Item, nextitem: pytest.Item | None, stage: Stage, seconds: float
    ) -> StageResult:
        attempt = Attempt(
            stage,
            self.plan.seed,
            self.sandbox,
            self.builder,
            World(None if self.plan.debugger else seconds),
            self.plan.debugger,
            self.plan.valgrind,
        )
        attempt.world.bound_memory(_MOST_HELD)
        item.stash[ATTEMPT] = attempt
        self._outcome = None
        item._initrequest()  # type: ignore[attr-defined]  # fresh fixtures
        try:
            runtestprotocol(item, log=False, nextitem=nextitem)
        finally:
            attempt.close()
        result = self._outcome or self._result(stage, Verdict.PASS)
        if attempt.simulated.schedules:
            result.schedules = attempt.simulated.schedules
            result.events = attempt.simulated.events
            result.virtual_s = attempt.simulated.virtual_ms / 1000
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Iterator[None]:
        """Looks at what a stage raised while its programs still run."""
        if self._outcome is None:
            self._used_s = item.stash[ATTEMPT].world.used()
            error = call.excinfo.value if call.excinfo else None
            if error is None and call.when == "call":
                error = card.found_at_the_end(item.stash[ATTEMPT])
            if error is not None:
                self._outcome = self._outcome_of(error, item)
        return (yield)

    def _outcome_of(self, error: BaseException, item: pytest.Item) -> StageResult:
        attempt, stage = item.stash[ATTEMPT], _stage(item)
        if isinstance(error, NotAttempted):
            return self._result(stage, Verdict.SKIPPED, note=f"not attempted: {error}")
        error = foreign_answer(error) or error
        if isinstance(error, StageFailure):
            card.sharpen(error, attempt)
            result = self._result(stage, error.verdict)
            result.failure = card.make(error, attempt, rule=_rule(item), traces=self.traces)
            return result
        words = str(error)
        if not isinstance(error, MachineError):
            words = f"{type(error).__name__}: {error}; {story(error)}"
        return self._result(stage, Verdict.GRADER_ERROR, note=words)

    @staticmethod
    def _result(stage: Stage, verdict: Verdict, note: str = "") -> StageResult:
        points = stage.points if verdict is Verdict.PASS else 0
        return StageResult(
            stage.id, stage.title, verdict, points, stage.points, stage.extension, note=note
        )


def _say_more(result: StageResult, words: str) -> None:
    if result.failure is not None:
        result.failure = replace(result.failure, summary=f"{result.failure.summary}; {words}")


def _rule(item: pytest.Item) -> str:
    """The first paragraph of the stage's docstring, as one line."""
    function = item.function  # type: ignore[attr-defined]
    text = function.__doc__ or ""
    return " ".join(text.strip().partition("\n\n")[0].split())
