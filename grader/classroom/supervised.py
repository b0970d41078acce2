"""The worker's end of a supervisor: a private folder, and one job in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from grader.classroom.model import Stamp
from grader.classroom.supervisor import remove
from grader.errors import MachineError
from grader.run.isolation import NAMESPACES

_SUPERVISOR = Path(__file__).with_name("supervisor.py")
_KEPT_VARIABLES = ("PATH", "CC")  # of the caller's


@dataclass(frozen=True)
class Ending:
    """How a job ended: ``status`` is its exit status, or minus the number of a signal."""

    status: int
    timed_out: bool
    seconds: float
    cpu_seconds: float


Run: TypeAlias = Callable[[dict[str, Any]], Ending]


@contextmanager
def supervised() -> Iterator[tuple[Path, Run]]:
    """A private folder with ``labs``, ``out`` and ``tmp``, and what runs a job there; nothing is
    left of either in the end, nor if this process dies. Raises MachineError.
    """
    command = [sys.executable, "-I", str(_SUPERVISOR), str(os.getpid())]
    pipe = subprocess.PIPE
    supervisor = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
    assert supervisor.stdin and supervisor.stdout

    def run(job: dict[str, Any]) -> Ending:
        assert supervisor.stdin and supervisor.stdout
        print(json.dumps(job), file=supervisor.stdin, flush=True)
        return Ending(**json.loads(_line(supervisor)))

    folder = Path(_line(supervisor))
    try:
        for name in ("labs", "out"):
            (folder / name).mkdir(mode=0o700)
        (folder / "tmp").mkdir(mode=0o711)  # programs find the way through it, see the supervisor
        yield folder, run
    finally:
        supervisor.communicate()
        if folder.exists():  # somebody killed the supervisor
            remove(folder)


def _line(supervisor: subprocess.Popen[str]) -> str:
    assert supervisor.stdout
    line = supervisor.stdout.readline()
    if not line:
        raise MachineError(f"the supervisor ended: {supervisor.communicate()[1].strip()[-400:]}")
    return line.rstrip("\n")


def environment(folder: Path, stamp: Stamp, **variables: str) -> dict[str, str]:
    """All that a grader is told. The tree is named ``labs``, so that commands in the report are
    those that a student types.
    """
    return {
        **{name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ},
        "LANG": "C.UTF-8",
        "HOME": str(folder / "tmp"),
        "TMPDIR": str(folder / "tmp"),
        "WORK": str(folder / "labs"),
        "OUT": str(folder / "out"),
        "ISOLATION": NAMESPACES if stamp.isolation == NAMESPACES else "",
        **variables,
    }
