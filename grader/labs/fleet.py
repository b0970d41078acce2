"""Many schedules at once: a process of the grader's for each CPU, with a simulator of its own.

Which runs there are depends on the seed alone, and so does which failure is shown: that of the
lowest number, however many processes share the work.
"""

from __future__ import annotations

import fcntl
import gc
import mmap
import os
import pickle
import selectors
import signal
import struct
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeAlias

from grader.errors import MachineError
from grader.labs.simulator import Simulator, count, fail_broken
from grader.labs.stage import Attempt
from grader.run.orphans import SUPERVISORS, die_with_parent
from grader.sim.family import RAFT, Family
from grader.sim.run import Run, difference
from grader.sim.server import Host, cpus, share_cpu
from grader.sim.shrink import shrink
from grader.verdicts import Diagnosis, StageFailure

TWICE = 20  # one run in so many is made twice
_MOST_WORKERS = 8
_MOST_SECONDS = 600  # for all of it; the stage's deadline is for each step of progress
_NUMBER = struct.Struct("<q")
_LOWEST, _DONE = 0, _NUMBER.size  # where the two numbers lie that all workers share

Make: TypeAlias = Callable[[Host, int], Run]


@dataclass
class _Report:
    """What one worker has to say in the end; ``second`` is a run that should have been the same."""

    schedules: int = 0
    events: int = 0
    virtual_ms: int = 0
    number: int = -1  # of the run that failed
    run: Run | None = None
    second: Run | None = None
    error: str = ""  # the grader's own


class Fleet:
    """Runs ``make(host, number)`` for each number below ``runs``; raises StageFailure for the first
    that fails.
    """

    def __init__(
        self,
        attempt: Attempt,
        runs: int,
        make: Make,
        build: str = "judge",
        family: Family = RAFT,
    ) -> None:
        self._attempt, self._runs, self._make, self._build = attempt, runs, make, build
        self._family = family
        self._cpus = cpus()[: min(_MOST_WORKERS, runs)]  # one for each worker
        self._shared = mmap.mmap(-1, 2 * _NUMBER.size)  # the lowest that failed, and how many ran
        self._put(_LOWEST, runs)
        self._numbers = -1  # a pipe: each worker that is free takes the next one
        self._simulators: list[Simulator] = []
        self._workers: dict[int, int] = {}  # pids, by the pipe that each writes to
        self._came: dict[int, bytearray] = {}
        self._statuses: dict[int, int] = {}  # as of waitpid(2)

    def run(self) -> None:
        """Returns once all have passed."""
        self._simulators = [
            Simulator(self._attempt, self._build, cpu, self._family) for cpu in self._cpus
        ]
        self._numbers, filling = os.pipe()
        fcntl.fcntl(filling, fcntl.F_SETPIPE_SZ, self._runs * _NUMBER.size)
        os.write(filling, b"".join(map(_NUMBER.pack, range(self._runs))))
        os.close(filling)
        try:
            for simulator in self._simulators:
                self._start(simulator)
            self._wait()
        finally:
            self._end()
            os.close(self._numbers)
        self._judge([self._report(reading) for reading in self._came])

    def _get(self, place: int) -> int:
        return int(_NUMBER.unpack_from(self._shared, place)[0])

    def _put(self, place: int, number: int) -> None:
        _NUMBER.pack_into(self._shared, place, number)

    def _wait(self) -> None:
        """A server may have little to do and much to say: what counts is that runs come to an
        end.
        """
        world, began = self._attempt.world, time.monotonic()
        while self._workers:
            done, since = self._get(_DONE), time.monotonic()
            world.wait(partial(self._goes_on, done), "a simulated cluster")
            if time.monotonic() - began < _MOST_SECONDS:
                world.extend(time.monotonic() - since)

    def _goes_on(self, done: int) -> bool:
        """Whether there is more than that number, or all is over."""
        for simulator in self._simulators:
            simulator.expect_alive()
        return not self._workers or self._get(_DONE) != done

    # --- in the workers ---

    def _start(self, simulator: Simulator) -> None:
        reading, writing = os.pipe()
        sys.stdout.flush()
        pid = os.fork()
        if pid == 0:
            os.close(reading)
            self._work(simulator, writing)
        os.close(writing)
        SUPERVISORS.add(pid)
        self._workers[reading], self._came[reading] = pid, bytearray()
        os.set_blocking(reading, False)
        self._attempt.world.watch(
            _Pipe(reading), selectors.EVENT_READ, lambda _: self._read(reading)
        )

    def _work(self, simulator: Simulator, writing: int) -> None:
        """Never returns."""
        try:
            die_with_parent()
            share_cpu(simulator.cpu)
            gc.freeze()  # what is there by now stays
            try:
                report = self._some(simulator.host_elsewhere())
            except BaseException:
                report = _Report(error=traceback.format_exc())
            with os.fdopen(writing, "wb") as pipe:
                pickle.dump(report, pipe)
            os._exit(0)
        finally:
            os._exit(1)

    def _some(self, host: Host) -> _Report:
        report = _Report()
        while taken := os.read(self._numbers, _NUMBER.size):
            (number,) = _NUMBER.unpack(taken)
            if number > self._get(_LOWEST):
                break
            run = self._make(host, number)
            self._put(_DONE, self._get(_DONE) + 1)  # a lost one does no harm
            second = self._make(host, number) if number % TWICE == 0 else None
            report.schedules += 1
            report.events += run.events
            report.virtual_ms += run.virtual_ms
            if run.broken is not None or (second and difference(run, second) is not None):
                report.number, report.run, report.second = number, run, second
                self._put(_LOWEST, min(number, self._get(_LOWEST)))
                break
        return report

    # --- in the grader ---

    def _read(self, reading: int) -> None:
        data = os.read(reading, 1 << 20)
        self._came[reading] += data
        if not data:
            self._let_go(reading)

    def _let_go(self, reading: int) -> None:
        pid = self._workers.pop(reading)
        self._attempt.world.watch(_Pipe(reading), 0, lambda _: None)
        os.close(reading)
        self._statuses[reading] = os.waitpid(pid, 0)[1]
        SUPERVISORS.discard(pid)

    def _end(self) -> None:
        for reading, pid in list(self._workers.items()):
            os.kill(pid, signal.SIGKILL)
            self._let_go(reading)

    def _report(self, reading: int) -> _Report:
        """What a worker said: a process of the grader's own, so a pickle is safe."""
        if self._statuses[reading] != 0:
            raise MachineError(
                f"a worker of the simulator ended with status {self._statuses[reading]:#x}"
            )
        report: _Report = pickle.loads(bytes(self._came[reading]))
        return report

    def _judge(self, reports: list[_Report]) -> None:
        for report in reports:
            if report.error:
                raise MachineError(f"a worker of the simulator failed: {report.error}")
        failed = [report for report in reports if report.run is not None]
        if failed:
            self._fail(min(failed, key=lambda report: report.number))
        for report in reports:
            count(self._attempt, report.schedules, report.events, report.virtual_ms)

    def _fail(self, report: _Report) -> None:
        run = report.run
        assert run is not None
        if report.second is not None and difference(run, report.second) is not None:
            fail_twice(run, report.second, report.number)
        simulator = Simulator(self._attempt, self._build, family=self._family)
        fail_broken(shrink(simulator.host, run), f"schedule {report.number}: ")


@dataclass(frozen=True)
class _Pipe:
    """A descriptor as World takes it."""

    descriptor: int

    def fileno(self) -> int:
        return self.descriptor


def fail_twice(run: Run, second: Run, number: int) -> None:
    """Raises StageFailure for two runs that should be the same: with the same inputs, the core did
    something else. Raises MachineError where the inputs were other ones before that.
    """
    at = difference(run, second)
    assert at is not None
    if at >= len(run.inputs) or at >= len(second.inputs) or run.inputs[at] != second.inputs[at]:
        raise MachineError(f"schedule {number} is not the same twice, by the grader's own doing")
    shown = replace(run, inputs=run.inputs[: at + 1], answers=run.answers[: at + 1], broken=None)
    event, _, now, server, *_ = run.inputs[at]
    raise StageFailure(
        f"schedule {number}, event {event}, at {now} ms: server {server} did {_done(run, at)} in a "
        f"first run, and {_done(second, at)} in a second one that was the same up to there",
        diagnosis=Diagnosis(
            "not-deterministic",
            "your core is not deterministic: equal calls had unequal effects",
        ),
        run=shown,
    )


def _done(run: Run, at: int) -> str:
    if at >= len(run.answers):
        return f"not live on ({run.broken})"
    effects, state = run.answers[at]
    words = run.family.words
    did = ", ".join(words.short(one) for one in effects) or "nothing"
    return f"this: {did} ({words.of_state(state)})"
