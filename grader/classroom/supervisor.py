"""Runs one grader for a worker of class mode, and lets nothing of it outlive either of them.

    python -I grader/classroom/supervisor.py WORKER

WORKER is the pid of the worker, whose child this is. It makes a private folder and prints its path.
Then it reads one line of JSON: ``command``, ``environment`` and ``seconds``; runs that; and prints
what it took (``Ending``) once no process of it is left. When its standard input ends, or the worker
does, it kills what still runs, removes the folder and ends.

It is a process of its own since a worker has threads, and may die at any moment.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import select
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # as a program

from grader.run.orphans import kill_families

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_GRACE_S = 5  # for keepers and the janitor, which end by themselves once the grader has
PREFIX = "echo-to-raft-class-"


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _children() -> list[int]:
    me = os.getpid()
    return [int(pid) for pid in Path(f"/proc/{me}/task/{me}/children").read_text().split()]


def reap(seconds: float) -> None:
    """Waits for all children, adopted ones too, in the order in which they end: the janitor waits
    for the others to be gone. Those that take longer are killed.
    """
    end = time.monotonic() + seconds
    while pids := _children():
        ends = {os.pidfd_open(pid): pid for pid in pids}
        ready, _, _ = select.select(ends, [], [], max(0.0, end - time.monotonic()))
        if not ready:
            kill_families(pids)
        for pidfd, pid in ends.items():
            if pidfd in ready:
                os.waitpid(pid, 0)
            os.close(pidfd)


def _start(job: dict[str, Any], folder: Path) -> subprocess.Popen[bytes]:
    with (folder / "stdout").open("wb") as stdout, (folder / "stderr").open("wb") as stderr:
        return subprocess.Popen(
            job["command"],
            env=job["environment"],
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
            preexec_fn=_die_with_parent,
        )


def _run(job: dict[str, Any], folder: Path, worker: int) -> dict[str, Any] | None:
    """What the command took; None if nobody waits for it any more."""
    began = time.monotonic()
    grader = _start(job, folder)
    ended = os.pidfd_open(grader.pid)
    ready, _, _ = select.select([ended, worker, sys.stdin], [], [], job["seconds"])
    if ended not in ready:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(grader.pid, signal.SIGKILL)
    status = grader.wait()
    reap(_GRACE_S)
    if ready and ended not in ready:
        return None
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "status": status,
        "timed_out": not ready,
        "seconds": round(time.monotonic() - began, 3),
        "cpu_seconds": round(used.ru_utime + used.ru_stime, 3),
    }


def remove(folder: Path) -> None:
    """Also where it is deep, or holds folders that nobody may enter."""
    for command in (["chmod", "-R", "u+rwX"], ["rm", "-rf"]):
        subprocess.run([*command, "--", str(folder)], stderr=subprocess.DEVNULL)


def _serve(folder: Path, worker: int) -> None:
    print(folder, flush=True)
    select.select([worker, sys.stdin], [], [])
    line = sys.stdin.readline()
    ending = _run(json.loads(line), folder, worker) if line else None
    if ending is not None:
        print(json.dumps(ending), flush=True)
        select.select([worker, sys.stdin], [], [])  # until the worker has taken what it wants


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: None)  # not ignored: what it starts would ignore it too
    parent = int(sys.argv[1])
    worker = os.pidfd_open(parent)
    if os.getppid() != parent:  # it died before we looked
        return
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    if os.geteuid() == 0:  # programs run as another user, who has to find the way to their own
        folder.chmod(0o711)
    try:
        _serve(folder, worker)
    except BrokenPipeError:
        pass  # nobody listens
    finally:
        remove(folder)


if __name__ == "__main__":
    main()
