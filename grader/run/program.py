"""One student program, from its start to the moment when nothing of it is left."""

from __future__ import annotations

import array
import contextlib
import fcntl
import os
import selectors
import signal
import socket
import struct
import subprocess
import time
from functools import partial
from pathlib import Path
from typing import IO

from grader.errors import MachineError
from grader.report import escape
from grader.run import procinfo
from grader.run.files import Quota
from grader.run.orphans import SUPERVISORS, as_user, kill_orphans, set_files
from grader.run.output import Output, find_report
from grader.run.sandbox import ENVIRONMENT, SANITIZER_EXIT, Limits, Sandbox
from grader.run.world import Source, World
from grader.verdicts import Diagnosis, StageFailure, Verdict

_LOOK_S = 0.25
_FEW_THREADS = 8


def signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return f"signal {number}"


class Program:
    """Starts at construction; ``close`` ends all that is left of it. Pids are as the grader sees
    them.
    """

    _quota: Quota | None = None  # of the folder that it may write

    def __init__(
        self,
        world: World,
        sandbox: Sandbox,
        command: list[str],
        *,
        name: str,
        limits: Limits = Limits(),
        environment: dict[str, str] | None = None,
        stdio: Source | None = None,
        stdin: int | None = None,
        writable: Path | None = None,
        readable: Path | None = None,
    ) -> None:
        self.world, self.name, self.limits = world, name, limits
        self.stdout, self.stderr = Output(), Output()
        self.status: int | None = None  # as of waitpid(2), once it has ended
        self.pid = 0
        self._start_error = ""
        if writable is not None:
            self._quota = Quota(writable, limits.folder_bytes, limits.folder_files)
        self._report = (0, "")  # the size of stderr when it was looked for, and what was found
        self._supervisors: set[int] = set()
        self._schedules: dict[int, tuple[float, float]] = {}  # when that was looked at last
        self._lost = self._may_end = False
        self._uid = sandbox.isolation.uid
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self._control.setblocking(False)
        everything = {**ENVIRONMENT, **(environment or {})}
        argv, inherited = sandbox.command(
            command, limits, everything, theirs.fileno(), writable, readable
        )
        self._child = self._spawn(
            argv,
            inherited,
            sandbox,
            everything,
            writable or sandbox.scratch,
            (stdin, stdio.fileno() if stdio else None),
        )
        SUPERVISORS.add(self._child.pid)
        theirs.close()
        for descriptor in inherited[1:]:
            os.close(descriptor)
        self._pipes = {pipe: output for pipe, output in self._outputs() if pipe is not None}
        self.read_output()
        world.watch(self._control, selectors.EVENT_READ, self._on_control)
        world.check(self._check)
        world.excuse(self._is_starved)
        shown = command[3:] if command[0] == "/bin/sh" else command  # the stage's own wrapping
        world.log(name, f"starts: {' '.join(shown)}")
        world.wait(
            lambda: self.pid != 0 or self._start_error != "" or self._lost, f"{name} to be started"
        )
        if self.pid == 0 or self._start_error:
            self._fail_to_start()

    @staticmethod
    def _spawn(
        argv: list[str],
        inherited: list[int],
        sandbox: Sandbox,
        environment: dict[str, str],
        folder: Path,
        files: tuple[int | None, int | None],
    ) -> subprocess.Popen[bytes]:
        """In namespaces the environment goes through bubblewrap's options: its own would stay
        readable within.
        """
        return subprocess.Popen(
            argv,
            stdin=next((file for file in files if file is not None), subprocess.DEVNULL),
            stdout=subprocess.PIPE if files[1] is None else files[1],
            stderr=subprocess.PIPE,
            bufsize=0,
            pass_fds=inherited,
            env={} if sandbox.in_namespaces else environment,
            cwd="/" if sandbox.in_namespaces else folder,
            start_new_session=True,
        )

    def _fail_to_start(self) -> None:
        words = self._start_error
        if not words:
            self.world.observe(1.0, lambda: self._child.poll() is not None)
            self._drain()
            words = (
                escape.tail(escape.visible(self.stderr.kept()), 5)
                or "the sandbox ended before the program began"
            )
        self.close()
        raise MachineError(f"{self.name} could not be started: {words}")

    def _outputs(self) -> list[tuple[IO[bytes] | None, Output]]:
        return [(self._child.stdout, self.stdout), (self._child.stderr, self.stderr)]

    def read_output(self) -> None:
        """Reads what the program prints, whenever the stage waits."""
        for pipe, output in self._pipes.items():
            self._read_when_ready(pipe, output)

    def _read_when_ready(self, pipe: IO[bytes], output: Output) -> None:
        def on_event(_: int) -> None:
            self._read(pipe, output)

        os.set_blocking(pipe.fileno(), False)
        self.world.watch(pipe, selectors.EVENT_READ, on_event)

    def pause_output(self, pipe_size: int) -> None:
        """Leaves standard output in the pipe, made ``pipe_size`` bytes small: once it is full, the
        program blocks there.
        """
        assert self._child.stdout is not None
        self._drain()
        fcntl.fcntl(self._child.stdout, fcntl.F_SETPIPE_SZ, pipe_size)
        self.world.watch(self._child.stdout, 0, lambda _: None)

    def _read(self, pipe: IO[bytes], output: Output) -> bool:
        """Reads once. Returns whether there may be more."""
        try:
            data = os.read(pipe.fileno(), 1 << 16)
        except BlockingIOError:
            return False
        if data:
            output.add(data)
        else:
            self.world.watch(pipe, 0, lambda _: None)
        return bool(data)

    def _drain(self) -> None:
        """Reads what is in the pipes now: sandboxes hold their writing ends, so end of file may
        never come.
        """
        for pipe, output in self._pipes.items():
            if not pipe.closed:
                for _ in range(64):
                    if not self._read(pipe, output):
                        break

    def _on_control(self, _: int) -> None:
        with contextlib.suppress(BlockingIOError):
            message, ancillary, _, _ = self._control.recvmsg(
                256, socket.CMSG_SPACE(struct.calcsize("3i"))
            )
            if message == b"S":
                self.pid = array.array("i", ancillary[0][2][:4])[0]
                self._supervisors = procinfo.ancestors(self.pid, self._child.pid)
            elif message.startswith(b"X"):
                self._start_error = os.strerror(int(message.split()[1]))
            elif message.startswith(b"E"):
                self._drain()
                self.status = int(message.split()[1])
                self.world.log(self.name, f"ended: {self.ending()}")
            elif not message:
                self.world.watch(self._control, 0, lambda _: None)
                self._lost = True

    def _check(self) -> None:
        """Memory, disk, output, and a keeper that somebody killed."""
        if self._start_error:
            raise MachineError(f"{self.name} could not be executed: {self._start_error}")
        if not self.pid:
            return
        if self._lost and self.status is None:
            raise StageFailure(
                f"{self.name} and what ran with it were killed from within",
                diagnosis=Diagnosis(
                    "killed-supervisor",
                    "the program sent a signal to processes that are not its own",
                ),
            )
        if self._takes_more_than(self.limits.memory_bytes):
            self.kill()
            raise StageFailure(
                f"{self.name} took more than {self.limits.memory_bytes >> 20} MiB of memory",
                diagnosis=Diagnosis("memory-bound", "memory grows without a bound"),
            )
        if self._quota is not None and self._quota.is_exceeded():
            self.kill()
            raise StageFailure(
                f"{self.name} put more than {self.limits.folder_bytes >> 20} MiB, or "
                f"{self.limits.folder_files:,} files, into its folder",
                diagnosis=Diagnosis("disk-bound", "what is written grows without a bound"),
            )
        if max(self.stdout.size, self.stderr.size) > self.limits.output_bytes:
            self.kill()
            raise StageFailure(
                f"{self.name} printed more than {self.limits.output_bytes >> 20} MiB on stdout or "
                "stderr",
                diagnosis=Diagnosis(
                    "output-flood",
                    "output without end: is a loop printing the same error over and over?",
                ),
            )

    def _takes_more_than(self, size: int) -> bool:
        """What its processes hold, each page once. (To count pages more often is cheaper.) To tell
        that takes a process some time on a CPU: where they don't get it, the youngest stand for
        all.
        """
        pids = self.processes()
        if sum(map(procinfo.resident_bytes, pids)) <= size:
            return False
        total, until = 0, time.monotonic() + _LOOK_S
        for seen, pid in enumerate(reversed(pids), 1):
            total += procinfo.proportional_bytes(pid)
            if time.monotonic() > until:
                return total * len(pids) // seen > size
        return total > size

    def _is_starved(self) -> bool:
        """Whether one of its processes had no processor for half of the stage's time. Not if they
        may have taken them from each other.
        """
        pids, before = self.processes(), self._schedules
        self._schedules = {pid: procinfo.schedule(pid) for pid in pids}
        if sum(len(procinfo.threads(pid)) for pid in pids) > _FEW_THREADS:
            return False
        seconds = (self.world.seconds or 0.0) / 2
        return any(procinfo.is_starved(pid, seconds, before.get(pid, (0.0, 0.0))) for pid in pids)

    def ended(self) -> bool:
        return self.status is not None

    def ended_by_itself(self) -> bool:
        """It exited, and was neither killed nor expected to end."""
        return self.status is not None and os.WIFEXITED(self.status) and not self._may_end

    def wait_end(self) -> int:
        """Waits until the program ends by itself; returns its exit status, or minus the signal's
        number.
        """
        self._may_end = True
        self.world.wait(self.ended, f"{self.name} to end")
        assert self.status is not None
        return os.waitstatus_to_exitcode(self.status)

    def ending(self) -> str:
        """How it ended, in words."""
        if self.status is None:
            return "still runs"
        code = os.waitstatus_to_exitcode(self.status)
        return f"exited with {code}" if code >= 0 else f"killed by {signal_name(-code)}"

    def report(self) -> str:
        """The sanitizer's report in what the program printed on stderr, without the map of shadow
        bytes; or "".
        """
        self._drain()
        if self._report[0] != self.stderr.size:
            self._report = (self.stderr.size, find_report(self.stderr.kept()))
        return self._report[1]

    def verdict_of_ending(self) -> Verdict | None:
        """CRASH, SANITIZER or None, by how the program (or a child of it) ended."""
        if self.report():
            return Verdict.SANITIZER
        if self.status is None:
            return None
        code = os.waitstatus_to_exitcode(self.status)
        if code == SANITIZER_EXIT:
            return Verdict.SANITIZER
        return Verdict.CRASH if code < 0 and -code not in (signal.SIGKILL, signal.SIGTERM) else None

    def signal(self, number: int) -> None:
        """Sends a signal to the program itself, not to its children."""
        self.world.log(self.name, f"is sent {signal_name(number)}")
        with contextlib.suppress(OSError):
            self._control.send(bytes([number]))

    def stop(self) -> None:
        """SIGSTOP to all its processes, and waits until they have stopped."""
        self.world.log(self.name, "is stopped (SIGSTOP)")
        self.world.wait(self._stopped, f"{self.name} to stop", every=0.001)

    def _stopped(self) -> bool:
        running = [pid for pid in self.processes() if procinfo.state(pid) not in ("T", "Z", "")]
        for pid in running:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
        return not running

    def go_on(self) -> None:
        """SIGCONT to all its processes."""
        self.world.log(self.name, "goes on (SIGCONT)")
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    def kill(self) -> None:
        """SIGKILL to the program itself, and waits until it is gone."""
        self.signal(signal.SIGKILL)
        self.world.wait(lambda: self.ended() or self._lost, f"{self.name} to be gone after SIGKILL")

    def processes(self) -> list[int]:
        """The program and all that it started, also those that no longer have their parents."""
        return [pid for pid in procinfo.tree(self._child.pid) if pid not in self._supervisors]

    def runs(self) -> bool:
        """Whether any of its processes runs, or waits for a CPU to run on."""
        return any(procinfo.state(pid) == "R" for pid in self.processes())

    def cpu_seconds(self) -> float:
        """CPU time of all its processes so far."""
        return sum(map(procinfo.cpu_seconds, self.processes()))

    def wake_ups(self) -> int:
        """How often its processes were woken so far."""
        return sum(map(procinfo.wake_ups, self.processes()))

    def limit_descriptors(self, *, free: bool) -> None:
        """Leaves each of its processes no free descriptor, or as many as before: RLIMIT_NOFILE
        bounds the number of a new one, and prlimit(2) sets it for a process that runs.
        """
        for pid in self.processes():
            taken = procinfo.descriptors(pid)
            lowest = next(number for number in range(len(taken) + 1) if number not in taken)
            soft = self.limits.files if free else lowest
            as_user(self._uid, partial(set_files, pid, soft))

    def state(self) -> str:
        """What the program is doing now, in one line."""
        if self.status is not None:
            return f"{self.name} {self.ending()}"
        words = f"{self.name} is {procinfo.doing(self.pid)}"
        others = [pid for pid in self.processes() if pid != self.pid]
        for kind, pids in (("threads", procinfo.threads(self.pid)[1:]), ("processes", others)):
            if pids:
                shown = sorted({procinfo.doing(pid) for pid in pids})
                words += f"; its other {kind} ({len(pids)}): {', '.join(shown)}"
        return words

    def _keeper_ends(self) -> bool:
        """Within 20 s. One that was stopped from within goes on."""
        for _ in range(100):
            if self._child.poll() is not None or procinfo.ends_within(self._child.pid, 0.2):
                return True
            with contextlib.suppress(OSError):
                self._child.send_signal(signal.SIGCONT)
        return False

    def close(self) -> None:
        """Ends the program and everything that it started, and waits until they are gone."""
        if self._control.fileno() < 0:
            return
        self._drain()
        self.world.uncheck(self._check)
        self.world.watch(self._control, 0, lambda _: None)
        self._control.close()
        for pipe in self._pipes:
            self.world.watch(pipe, 0, lambda _: None)
            pipe.close()
        if not self._keeper_ends():
            self._child.kill()
        self._child.wait()
        SUPERVISORS.discard(self._child.pid)
        kill_orphans()
