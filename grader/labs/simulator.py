"""Servers of the student's core in virtual time, for the stages of labs 5 and 6: starts what forks
them, counts what was simulated, and turns a broken rule into a failure with its run.
"""

from __future__ import annotations

import os
import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from grader.labs.stage import Attempt, Simulated
from grader.run import procinfo
from grader.run.output import find_report
from grader.run.sandbox import SANITIZER_EXIT
from grader.sim.cluster import Ended
from grader.sim.family import RAFT, Family
from grader.sim.run import Run
from grader.sim.server import Answer, ForkingHost, Life, Server, cpus, share_cpu
from grader.verdicts import Diagnosis, StageFailure, Verdict, fail

PROGRAMS = {"5": "raft_sim", "6": "replication_sim"}  # by lab
_LOOK_EVERY_S = 0.05
_PATIENCE_S, _FOR_EVER = 10, 0  # of a call of the student's


@contextmanager
def sharing_cpu(cpu: int) -> Iterator[None]:
    """What starts within runs on one CPU together with this process."""
    before = os.sched_getaffinity(0)
    share_cpu(cpu)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class Simulator:
    """A program that forks servers, and the grader's end of it: ``host``. It is a Host as well, one
    that looks at the stage's bounds with each start.
    """

    def __init__(
        self,
        attempt: Attempt,
        build: str = "judge",
        cpu: int | None = None,
        family: Family = RAFT,
    ) -> None:
        self.attempt = attempt
        self.cpu = cpus()[0] if cpu is None else cpu
        name = family.program or PROGRAMS[attempt.stage.id.partition(".")[0]]
        attempt.built(name, build)  # the compiler has all CPUs
        self._next_look = 0.0
        self._ours, theirs = socket.socketpair()
        with sharing_cpu(self.cpu):
            self.program = attempt.start(name, build=build, jobs=theirs)
        theirs.close()
        attempt.clients.append(self._ours)
        self._patience_s = _FOR_EVER if attempt.debugger else _PATIENCE_S
        self.host = ForkingHost(self._ours, self._patience_s, self.look)

    def host_elsewhere(self) -> ForkingHost:
        """For another process, which has no bounds to look at: the grader's own does that."""
        return ForkingHost(self._ours, self._patience_s)

    def start(self, life: Life) -> tuple[Server, Answer]:
        """As Host has it. Raises StageFailure or Hang where a bound is passed."""
        self.look()
        return self.host.start(life)

    def look(self) -> None:
        """To be called now and then. Raises StageFailure or Hang where a bound is passed."""
        if time.monotonic() >= self._next_look:
            self._next_look = time.monotonic() + _LOOK_EVERY_S
            self.attempt.world.look("the simulated servers")
            self.expect_alive()

    def expect_alive(self) -> None:
        """Raises StageFailure once the program has ended. (Its socket does not tell: what started
        it has that too.)
        """
        if self.program.ended():
            name, ending = self.program.name, self.program.ending()
            fail(f"{name}, which forks the servers, ended: {ending}")

    def memory(self) -> int:
        """Bytes that the servers hold, and the program that forks them."""
        return sum(map(procinfo.proportional_bytes, self.program.processes()))

    def count(self, run: Run) -> None:
        """Adds a run to what the stage has simulated."""
        count(self.attempt, 1, run.events, run.virtual_ms)


def count(attempt: Attempt, schedules: int, events: int, virtual_ms: int) -> None:
    """Adds to what the stage has simulated."""
    known = attempt.simulated
    attempt.simulated = Simulated(
        known.schedules + schedules, known.events + events, known.virtual_ms + virtual_ms
    )


def rule_id(rule: str) -> str:
    """A rule's name as the id of a diagnosis."""
    return re.sub(r"[^a-z]+", "-", rule.lower()).strip("-")


def fail_broken(run: Run, prefix: str = "") -> NoReturn:
    """Raises StageFailure for the rule that the run broke."""
    broken = run.broken
    assert broken is not None
    source = run.family.sources.get(broken.rule, "")
    diagnosis = Diagnosis(rule_id(broken.rule), f"broken: {broken.rule} ({source})")
    verdict, output = Verdict.WRONG, ""
    if isinstance(broken, Ended):
        if broken.status is None and not broken.hangs:
            fail(f"{prefix}{_at(run)}{broken.words}")  # how that ended is the engine's to tell
        verdict, output = _ending(broken)
        diagnosis = Diagnosis(verdict.lower(), str(broken))
        if verdict is Verdict.WRONG:
            diagnosis = Diagnosis("server-ended", broken.words)
    raise StageFailure(
        f"{prefix}{_at(run)}{broken.words}",
        verdict=verdict,
        diagnosis=diagnosis,
        output=output,
        run=run,
    )


def _at(run: Run) -> str:
    return f"event {run.inputs[-1][0]}, at {run.inputs[-1][2]} ms: " if run.inputs else ""


def _ending(ended: Ended) -> tuple[Verdict, str]:
    """The verdict on a server that ended, and the sanitizer's words."""
    if ended.hangs:
        return Verdict.HANG, ""
    assert ended.status is not None
    report = find_report(ended.output)
    code = os.waitstatus_to_exitcode(ended.status)
    if report or code == SANITIZER_EXIT:
        return Verdict.SANITIZER, report
    return (Verdict.CRASH if code < 0 else Verdict.WRONG), ""
