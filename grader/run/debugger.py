"""The first program of a stage under gdb in the user's terminal, while the grader plays its clients
beside it.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
from pathlib import Path
from typing import IO, Any

from grader.errors import UsageError
from grader.run import procinfo
from grader.run.build import ROOT
from grader.run.orphans import kill_orphans
from grader.run.output import Output
from grader.run.program import Program
from grader.run.sandbox import ENVIRONMENT, Limits, Sandbox
from grader.run.world import World


class Debugger:
    """Starts the first program under gdb, and what else the stage starts as usual.

    ``sources`` is the tree that gdb shows source lines from. Raises UsageError without gdb.
    """

    def __init__(self, sources: Path) -> None:
        if shutil.which("gdb") is None:
            raise UsageError("gdb is not installed (see 'make doctor')")
        self._sources = sources
        self._used = False
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for gdb

    def launch(self, world: World, sandbox: Sandbox, command: list[str], **more: Any) -> Program:
        if self._used:
            return Program(world, sandbox, command, **more)
        self._used = True
        return DebuggedProgram(
            world,
            sandbox,
            command,
            name=more["name"],
            sources=self._sources,
            environment=more["environment"],
            jobs=more["stdin"] if command[0] == "/bin/sh" else None,
        )


class DebuggedProgram(Program):
    """Standard output goes to the grader, which waits for lines there; the terminal and stderr are
    gdb's.
    """

    def __init__(
        self,
        world: World,
        sandbox: Sandbox,
        command: list[str],
        *,
        name: str,
        sources: Path,
        environment: dict[str, str] | None,
        jobs: int | None,
    ) -> None:
        command = command[3:] if jobs is not None else command  # without the stage's own wrapping
        self.world, self.name, self.limits = world, name, Limits()
        self.stdout, self.stderr = Output(), Output()
        self.status: int | None = None
        self.pid = 0
        self._lost = self._may_end = False
        self._uid = None
        self._start_error = ""
        self._report = (0, "")
        fifo = sandbox.scratch / "stdout"
        if not fifo.exists():
            os.mkfifo(fifo)
            if sandbox.isolation.uid is not None:
                os.chown(fifo, sandbox.isolation.uid, sandbox.isolation.uid)
        self._fifo = os.fdopen(os.open(fifo, os.O_RDONLY | os.O_NONBLOCK), "rb", buffering=0)
        self._hold = os.open(fifo, os.O_WRONLY | os.O_CLOEXEC)  # so that it never reads end of file
        self._pipes: dict[IO[bytes], Output] = {self._fifo: self.stdout}
        run = f"run {shlex.join(command[1:])} >{shlex.quote(str(fifo))}"
        if jobs is not None:
            run += f" 3<&{jobs}"
        script = [
            f"directory {sources}:{ROOT / 'labs'}",
            "set follow-fork-mode child",
            "set confirm off",
            "break main",
            run,
        ]
        options = [word for line in script for word in ("-ex", line)]
        terminal = {
            name: value
            for name in ("TERM", "HOME", "COLUMNS", "LINES")
            if (value := os.environ.get(name))
        }
        print(
            f"gdb: {name} stops in main; 'break FUNCTION' and 'continue' go on. The grader waits "
            "as long as you do.",
            flush=True,
        )
        self._gdb = subprocess.Popen(
            ["gdb", "-q", *options, "--args", *command],
            env={**ENVIRONMENT, **(environment or {}), **terminal},
            pass_fds=[] if jobs is None else [jobs],
        )
        self._child, self._supervisors = self._gdb, {self._gdb.pid}
        self._read_when_ready(self._fifo, self.stdout)
        world.check(self._look)
        world.wait(lambda: self.pid != 0 or self.ended(), f"{name} to be started by gdb")

    def _look(self) -> None:
        """gdb starts the program, perhaps through a shell; when gdb is left, all ends."""
        found = [pid for pid in procinfo.children(self._gdb.pid) if "gdb" not in procinfo.name(pid)]
        self.pid = found[0] if found else self.pid
        code = self._gdb.poll()
        if code is not None and self.status is None:
            self.status = 0

    def signal(self, number: int) -> None:
        if self.pid and self.status is None:
            os.kill(self.pid, number)

    def close(self) -> None:
        if self._fifo.closed:
            return
        self.world.watch(self._fifo, 0, lambda _: None)
        self._fifo.close()
        os.close(self._hold)
        print("the stage is over: leave gdb with 'quit'", flush=True)
        self._gdb.wait()
        kill_orphans()  # gdb follows the child after a fork, and lets the parent run free
