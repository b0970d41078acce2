"""The private folder of one grader process, gone when the process is, however it ends."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

from grader.run.orphans import adopt_orphans

# What programs in the sandbox see of /etc: names without a network.
_ETC = {
    "hosts": "127.0.0.1 localhost\n::1 localhost\n",
    "host.conf": "multi on\n",
    "nsswitch.conf": "hosts: files\nservices: files\n",
    "passwd": "student:x:0:0::/tmp:/bin/sh\n",
}


@contextlib.contextmanager
def runtime_folder() -> Iterator[Path]:
    """A folder for built programs, readable by the user that student programs run as.

    A janitor process holds a pipe to this one and removes the folder when that breaks: at the end,
    on Ctrl-C, on SIGKILL. Call before any thread is started.
    """
    folder = Path(tempfile.mkdtemp(prefix="echo-to-raft-"))
    folder.chmod(0o711)
    for name, text in _ETC.items():
        (folder / "etc").mkdir(exist_ok=True)
        (folder / "etc" / name).write_text(text)
    reading, writing = os.pipe()
    janitor = os.fork()
    if janitor == 0:
        _wait_and_remove(folder, reading)
    os.close(reading)
    adopt_orphans(janitor)
    try:
        yield folder
    finally:
        os.close(writing)
        os.waitpid(janitor, 0)


def _wait_and_remove(folder: Path, lifeline: int) -> None:
    """In the janitor: the only writing end of the lifeline is the grader's."""
    os.setsid()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    os.dup2(lifeline, 0)
    os.closerange(1, os.sysconf("SC_OPEN_MAX") if os.sysconf("SC_OPEN_MAX") < 1 << 16 else 1 << 16)
    os.read(0, 1)
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(0)
