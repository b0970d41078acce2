"""The keeper where there are no namespaces: what it ends, and what it leaves alone. And what the
grader sees of programs there.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from grader.run import build

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root has other users' programs")

USER = 2_100_000_000 + os.getpid()  # of nobody else; the grader's own are below


@pytest.fixture(scope="module")
def keeper() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="keeper-"))
    folder.chmod(0o711)
    (folder / "bin").mkdir()
    yield build.build_keeper(folder, folder / "cache", build.compiler())
    shutil.rmtree(folder)


@dataclass
class Kept:
    """A program under its keeper, and the grader's end of their socket."""

    process: subprocess.Popen[bytes]
    control: socket.socket

    def heard(self) -> str:
        return self.control.recv(100).decode()

    def end(self) -> None:
        self.control.close()
        self.process.wait()


def start(keeper: Path, script: str) -> Kept:
    """Once the script's own process has begun."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    options = ["-f", str(theirs.fileno()), "-u", str(USER)]
    with closing(theirs):
        process = subprocess.Popen(
            [str(keeper), *options, "/bin/sh", "-c", script],
            pass_fds=[theirs.fileno()], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd="/",
        )  # fmt: skip
    kept = Kept(process, ours)
    assert kept.heard().startswith("S")
    assert process.stdout is not None
    assert process.stdout.readline() == b"begun\n"
    return kept


def running() -> list[int]:
    """The user's processes."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if entry.stat().st_uid == USER:
                found.append(int(entry.name))
    return found


def test_the_end_of_one_program_is_not_the_end_of_another(keeper: Path) -> None:
    """A stage may compile one while it talks to another, and both have the same user."""
    first, second = (start(keeper, "echo begun; exec sleep 1000") for _ in range(2))
    first.end()
    second.control.send(bytes([signal.SIGTERM]))
    assert second.heard() == f"E {signal.SIGTERM.value}", "and not SIGKILL"
    second.end()


def test_what_a_program_started_ends_with_it(keeper: Path) -> None:
    """In a session of its own, and with a parent that is gone."""
    script = "for n in 1 2 3; do (setsid sleep 1000 &) ; done; echo begun; exec sleep 1000"
    kept = start(keeper, script)
    assert len(running()) >= 1
    kept.end()
    assert running() == []


_LOOK = """
import sys
from grader.run import procinfo
pid = int(sys.argv[1])
print(len(procinfo.descriptors(pid)), procinfo.doing(pid))
"""


def test_a_root_that_may_trace_nobody_sees_a_program_all_the_same(keeper: Path) -> None:
    """As in a container: where CAP_SYS_PTRACE is not left to root."""
    kept = start(keeper, "exec 7</dev/null; echo begun; read line")
    (program,) = running()
    bounded = ["setpriv", "--bounding-set", "-sys_ptrace", sys.executable, "-c", _LOOK]
    done = subprocess.run(
        [*bounded, str(program)], cwd=build.ROOT, capture_output=True, text=True, check=True
    )
    kept.end()
    assert done.stdout == "4 asleep in read()\n", "three that all have, and the one of its own"
