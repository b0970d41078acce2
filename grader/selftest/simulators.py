"""Programs that fork simulated servers, as the tests build and talk to them without a stage."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from grader.run.sandbox import ENVIRONMENT
from grader.selftest.harness import ROOT
from grader.sim.server import ForkingHost

_FLAGS = ("-std=c11", "-D_GNU_SOURCE", "-g", "-O1", "-fsanitize=address,undefined")
_MORE_FLAGS = ("-fno-sanitize-recover=all", "-Ilabs/include", "-Isolutions/lab4-message")


def compiled(program: Path, sources: Sequence[str]) -> Path:
    """The program, from sources of this checkout; skips the test where one is not there, as in a
    kit without solutions.
    """
    if not all((ROOT / path).exists() for path in sources):
        pytest.skip(f"solutions/ has not all of {program.name}")
    command = ["cc", *_FLAGS, *_MORE_FLAGS, "-o", str(program), *sources]
    subprocess.run(command, cwd=ROOT, check=True)
    return program


@contextmanager
def serving(program: Path, endings: Collection[int]) -> Iterator[ForkingHost]:
    """Runs it, with its jobs on descriptor 3; once they end, it ends with one of ``endings``."""
    ours, theirs = socket.socketpair()
    command = ["/bin/sh", "-c", 'exec "$0" 3<&0 </dev/null', str(program)]
    with ours, subprocess.Popen(command, stdin=theirs.fileno(), env=ENVIRONMENT) as process:
        theirs.close()
        yield ForkingHost(ours)
        ours.close()
        assert process.wait(10) in endings
