"""Processes that nobody looks after: adopted, and ended. Also actions in the name of a user."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
from collections.abc import Callable

from grader.errors import MachineError
from grader.run import procinfo

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36

# Children of the grader that are its own: keepers, sandboxes, the janitor.
SUPERVISORS: set[int] = set()


def adopt_orphans(janitor: int) -> None:
    """What outlives its keeper becomes the grader's child: prctl(2), PR_SET_CHILD_SUBREAPER."""
    SUPERVISORS.add(janitor)
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def die_with_parent() -> None:
    """For a child process of the grader's own: prctl(2), PR_SET_PDEATHSIG."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def kill_orphans() -> None:
    """Ends what a program left behind that outlived its keeper."""
    while orphans := [pid for pid in procinfo.children(os.getpid()) if pid not in SUPERVISORS]:
        kill_families(orphans)
        for pid in orphans:
            os.waitpid(pid, 0)


def kill_families(parents: list[int]) -> None:
    """Ends processes with all their descendants. All are stopped first: what is stopped starts no
    more, and leaves the processors to us. Killed one by one, those of a bomb grow faster than they
    die.
    """
    before: set[int] = set()
    while (family := {pid for parent in parents for pid in procinfo.tree(parent)}) != before:
        for pid in family:
            _send(pid, signal.SIGSTOP)
        before = family
    for pid in before:
        _send(pid, signal.SIGKILL)


def _send(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def set_files(pid: int, soft: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        _, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (min(soft, hard), hard))


def as_user(uid: int | None, action: Callable[[], None]) -> None:
    """Does it in a child process as ``uid``, or right here for None. Raises MachineError."""
    if uid is None:
        action()
        return
    child = os.fork()
    if child == 0:
        try:
            procinfo.become(uid)
            action()
        except BaseException:
            os._exit(1)
        os._exit(0)
    if os.waitpid(child, 0)[1] != 0:
        raise MachineError(f"user {uid} may not do what is needed to a process of its own")
