"""The private folder of one grader process, gone when the process is, however it ends."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from grader.run.cgroup import Cgroup
from grader.run.orphans import adopt_orphans

_PATIENCE_S = 20

# What programs in the sandbox see of /etc: names without a network.
_ETC = {
    "hosts": "127.0.0.1 localhost\n::1 localhost\n",
    "host.conf": "multi on\n",
    "nsswitch.conf": "hosts: files\nservices: files\n",
    "passwd": "student:x:0:0::/tmp:/bin/sh\n",
}


@contextlib.contextmanager
def runtime_folder(*, bounded: bool = True) -> Iterator[Path]:
    """A folder for built programs, readable by the user that student programs run as. ``bounded``
    puts what is started in a sandbox into control groups of its own.

    A janitor process holds a pipe to this one and removes the folder when that breaks: at the end,
    on Ctrl-C, on SIGKILL. So it does with the control groups. Call before any thread is started.
    """
    folder = Path(tempfile.mkdtemp(prefix="echo-to-raft-"))
    folder.chmod(0o711)
    for name, text in _ETC.items():
        (folder / "etc").mkdir(exist_ok=True)
        (folder / "etc" / name).write_text(text)
    groups = Cgroup.planned() if bounded else []
    reading, writing = os.pipe()
    janitor = os.fork()
    if janitor == 0:
        _wait_and_remove(folder, groups, reading)
    os.close(reading)
    adopt_orphans(janitor)
    for group in groups:
        group.make()
    try:
        yield folder
    finally:
        for group in groups:
            group.close()
        os.close(writing)
        os.waitpid(janitor, 0)


def _wait_and_remove(folder: Path, groups: list[Cgroup], lifeline: int) -> None:
    """In the janitor: the only writing end of the lifeline is the grader's."""
    os.setsid()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    os.dup2(lifeline, 0)
    os.closerange(1, os.sysconf("SC_OPEN_MAX") if os.sysconf("SC_OPEN_MAX") < 1 << 16 else 1 << 16)
    os.read(0, 1)
    try:
        shutil.rmtree(folder)
    except (OSError, RecursionError):
        _remove_whatever(folder)
    try:
        for group in groups:
            group.remove()
    finally:
        os._exit(0)


def _remove_whatever(folder: Path) -> None:
    """Folders that are deeper than Python can go, and those that their owner may not enter. Who
    makes them may not have ended yet.
    """
    commands = [["rm", "-rf", "--", str(folder)]]
    if os.geteuid() != 0:
        commands.insert(0, ["chmod", "-R", "u+rwx", "--", str(folder)])
    end = time.monotonic() + _PATIENCE_S
    while folder.exists() and time.monotonic() < end:
        for command in commands:
            subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, cwd="/")
