"""What a graded stage is, and what it gets to work with."""

from __future__ import annotations

import hashlib
import json
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import pytest

from grader.run.build import Builder
from grader.run.debugger import Debugger
from grader.run.program import Program
from grader.run.random import Random
from grader.run.recorder import Recorder
from grader.run.sandbox import SANITIZER_EXIT, Limits, Sandbox
from grader.run.world import Source, World
from grader.verdicts import NotAttempted

# In place of the sanitizers: memcheck also finds the use of what was never set. Slower by 20 times.
VALGRIND = [
    "/usr/bin/valgrind",
    "-q",
    "--vgdb=no",
    f"--error-exitcode={SANITIZER_EXIT}",
    "--exit-on-first-error=yes",
]
VALGRIND_SLOWNESS = 6  # of a stage's deadline

STARTERS = Path(__file__).with_name("starters.json")


@dataclass(frozen=True)
class Stage:
    """One graded stage. ``see`` is its place in the handout (chapter#heading), ``source`` the RFC,
    paper or man page.
    """

    id: str
    title: str
    points: int
    see: str
    source: str = ""
    extension: bool = False
    program: str = ""  # of an extension: the file that is the starter's until it is attempted
    seconds: float = 10.0

    @property
    def lab(self) -> int:
        return int(self.id.partition(".")[0])

    @property
    def order(self) -> tuple[int, ...]:
        return tuple(map(int, self.id.split(".")))


def stage(
    id: str, title: str, *, points: int, see: str, **more: Any
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Marks a test function as a graded stage. The first paragraph of its docstring is the rule
    that it checks.
    """
    return pytest.mark.stage(Stage(id, title, points, see, **more))


class Closable(Protocol):
    """One of the grader's own sockets."""

    def close(self) -> None: ...


@dataclass(frozen=True)
class Simulated:
    """How much a stage has simulated: runs, inputs that were delivered and checked, and time."""

    schedules: int = 0
    events: int = 0
    virtual_ms: int = 0


@dataclass
class Attempt:
    """One run of one stage: its world, its seed, and all programs that it started, which ``close``
    ends.
    """

    stage: Stage
    seed: int
    sandbox: Sandbox
    builder: Builder
    world: World
    debugger: Debugger | None = None
    valgrind: bool = False
    programs: list[Program] = field(default_factory=list)
    clients: list[Closable] = field(default_factory=list)
    simulated: Simulated = Simulated()

    def random(self, *purpose: object) -> Random:
        """Numbers that depend on seed, stage and purpose alone."""
        return Random(self.seed, self.stage.id, *purpose)

    def start(
        self,
        program: str,
        *args: str,
        build: str = "judge",
        name: str = "",
        limits: Limits = Limits(),
        environment: dict[str, str] | None = None,
        stdio: socket.socket | None = None,
        stdin: int | None = None,
        readable: Path | None = None,
        writable: Path | None = None,
        closed_stdin: bool = False,
        jobs: socket.socket | None = None,
        recorder: Recorder | None = None,
    ) -> Program:
        """Builds the student's ``program`` where that is needed, and starts it. It sees the folder
        ``readable``, and starts in the folder ``writable``, where it may write; both lie in the
        sandbox's own. With ``closed_stdin``, the first descriptor that it opens is 0; ``jobs`` is
        its descriptor 3.
        """
        checked = self.valgrind and build == "judge"
        path = self.built(program, "plain" if checked else build)
        command = [*(VALGRIND if checked else []), self.sandbox.seen(path), *args]
        output: Source | None = stdio
        if recorder is not None and jobs is not None:
            command, output = [self.sandbox.seen(recorder.program), "1", *command], recorder
        elif recorder is not None:
            command, stdin = (
                [self.sandbox.seen(recorder.program), "0", *command],
                recorder.fileno(),
            )
        if closed_stdin:
            command = ["/bin/sh", "-c", 'exec "$0" "$@" <&-', *command]
        if jobs is not None:
            command = ["/bin/sh", "-c", 'exec "$0" "$@" 3<&0 </dev/null', *command]
            stdin = jobs.fileno()
        launcher = self.debugger.launch if self.debugger else Program
        started = launcher(
            self.world,
            self.sandbox,
            command,
            name=name or program,
            limits=limits,
            environment=environment,
            stdio=output,
            stdin=stdin,
            readable=readable,
            writable=writable,
        )
        self.programs.append(started)
        return started

    def built(self, program: str, build: str = "judge") -> Path:
        """The student's program, built where that is needed: the compiler's time is not the
        program's.
        """
        began = time.monotonic()
        path = self.builder.built(program, build)
        self.world.extend(time.monotonic() - began)
        return path

    def require_attempt(self) -> None:
        """Raises NotAttempted where the stage's program is missing or still one of the
        starter's.
        """
        name = self.stage.program
        if not name:
            return
        data = self.builder.files.get(f"{self.builder.labs[-1]}/{name}.c")
        known = json.loads(STARTERS.read_text()).get(f"{self.builder.labs[-1]}/{name}.c", [])
        if data is None or hashlib.sha256(data).hexdigest() in known:
            raise NotAttempted(f"{name}.c is as the starter has it")

    def close(self) -> None:
        for client in self.clients:
            client.close()
        for program in self.programs:
            program.close()
        self.world.close()
