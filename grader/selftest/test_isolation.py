"""What is read of a submission, and what becomes of its programs when the grader is killed. What
they try meanwhile is in ``test_hostile.py``.
"""

from __future__ import annotations

import os
import secrets
import select
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from grader.selftest.conftest import Identity
from grader.selftest.harness import ROOT
from grader.selftest.hostile.witness import cgroups_of

_LINGERS = """
#include <sys/prctl.h>
#include <unistd.h>

int main(void)
{
    prctl(PR_SET_NAME, "TOKEN");
    for (int n = 0; n < 2; n++)
        if (fork() == 0) {
            setsid();
            if (fork() != 0)
                _exit(0);
            for (;;)
                pause();
        }
    for (;;)
        pause();
}
"""


def wait_until(ready: Callable[[], bool], seconds: float = 20) -> bool:
    end = time.monotonic() + seconds
    while not ready() and time.monotonic() < end:
        select.select([], [], [], 0.02)
    return ready()


@pytest.fixture
def token() -> str:
    return f"h{secrets.token_hex(6)}"


def tree_with(identity: Identity, source: Path, token: str) -> Path:
    """The reference with another echo_server.c, readable for all."""
    work = identity.folder / "work"
    shutil.copytree(ROOT / "solutions", work)
    work.joinpath("lab1-echo", "echo_server.c").write_text(
        source.read_text().replace("TOKEN", token)
    )
    for path in (work, *work.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return work


def test_sources_are_not_read_through_links(identity: Identity, token: str) -> None:
    work = identity.folder / "linked"
    work.mkdir(mode=0o755)
    (work / "lab1-echo").symlink_to(ROOT / "solutions" / "lab1-echo")
    run = identity.grade(WORK=work)
    assert run.status == 2 and "no folder lab1-echo" in run.stderr, run.stdout + run.stderr


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_nothing_survives_the_grader(identity: Identity, token: str, number: int) -> None:
    """The grader is killed while a program of its runs, with children in a session of their own."""
    source = identity.folder / "lingers.c"
    source.write_text(_LINGERS)
    grader = identity.start(WORK=tree_with(identity, source, token))

    def running() -> bool:
        return sum(name.startswith("/proc") for name in identity.leftovers(token)) >= 3

    assert wait_until(running)
    for group in cgroups_of(grader.pid):
        members = Path(group, "cgroup.procs").read_text().split()
        assert len(members) >= 3 and str(grader.pid) not in members, group
    os.kill(grader.pid, number)
    said, _ = grader.communicate(timeout=60)
    assert number == signal.SIGKILL or "interrupted" in said
    assert grader.returncode == (2 if number == signal.SIGINT else -number), said
    assert wait_until(lambda: identity.leftovers(token) == []), identity.leftovers(token)
    assert wait_until(lambda: not cgroups_of(grader.pid))
