"""Student code is hostile code: whatever it does, the verdict is right, and nothing of it
survives.
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

from grader.report.model import StageResult
from grader.selftest.conftest import Identity
from grader.selftest.harness import HOSTILE, ROOT, Run


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


def first_stage(run: Run) -> StageResult:
    assert run.result is not None, run.stdout + run.stderr
    assert run.status == 1, run.stdout + run.stderr
    return run.result.stages[0]


@pytest.mark.parametrize(
    ("name", "verdict", "diagnosis"),
    [
        ("flood", {"WRONG"}, {"output-flood"}),
        ("fork_bomb", {"HANG", "WRONG"}, {"not-listening", "memory-bound"}),
        ("kills_group", {"HANG", "WRONG"}, {"killed-supervisor", "not-listening"}),
        ("ignores_sigterm", {"HANG"}, {"not-listening"}),
        ("daemon", {"WRONG"}, {"ended-at-start"}),
        # On a busy machine the deadline may come before the bound.
        ("memory", {"WRONG", "SANITIZER", "HANG"}, {"memory-bound", "sanitizer", "not-listening"}),
        ("shared_memory", {"WRONG", "HANG"}, {"memory-bound", "not-listening"}),
        ("no_listen", {"WRONG"}, {"refused"}),
        ("no_compile", {"BUILD"}, {""}),
    ],
)
def test_a_hostile_program_is_contained(
    identity: Identity, token: str, name: str, verdict: set[str], diagnosis: set[str]
) -> None:
    run = identity.grade(WORK=tree_with(identity, HOSTILE / f"{name}.c", token))
    stage = first_stage(run)
    assert stage.verdict in verdict, run.stdout
    assert stage.failure is not None and stage.failure.diagnosis_id in diagnosis, run.stdout
    assert "\x1b" not in run.stdout + run.stderr
    assert wait_until(lambda: identity.leftovers(token) == []), identity.leftovers(token)


def test_the_sandbox_shows_nothing_of_the_machine(identity: Identity, token: str) -> None:
    run = identity.grade(WORK=tree_with(identity, HOSTILE / "looks_around.c", token), STAGE="1.1")
    failure = first_stage(run).failure
    assert failure is not None
    could = [line for line in failure.stderr.splitlines() if line.startswith("could")]
    if identity.level == "namespaces":
        assert could in ([], ["could open /proc/1/environ"])
    assert "uid 0\n" not in failure.stderr + "\n"
    assert not list(Path("/").glob(f"*/{token}"))


def test_the_supervisor_cannot_be_traced(identity: Identity, token: str) -> None:
    run = identity.grade(WORK=tree_with(identity, HOSTILE / "traces_init.c", token), STAGE="1.1")
    failure = first_stage(run).failure
    assert failure is not None
    could = [line for line in failure.stderr.splitlines() if line.startswith("could")]
    assert could == []
    assert wait_until(lambda: identity.leftovers(token) == []), identity.leftovers(token)


def test_sources_are_not_read_through_links(identity: Identity, token: str) -> None:
    work = identity.folder / "linked"
    work.mkdir(mode=0o755)
    (work / "lab1-echo").symlink_to(ROOT / "solutions" / "lab1-echo")
    run = identity.grade(WORK=work)
    assert run.status == 2 and "no folder lab1-echo" in run.stderr, run.stdout + run.stderr


def test_odd_names_are_no_part_of_the_build(identity: Identity, token: str) -> None:
    source = ROOT / "solutions" / "lab1-echo" / "echo_server.c"
    work = tree_with(identity, source, token)
    for name in ("a$(shell touch pwned)b.c", "-o.c", "two words.c", "Uebung\n.c"):
        (work / "lab1-echo" / name).write_text("#error not meant to be compiled\n")
    run = identity.grade(WORK=work, STAGE="1.2")
    assert run.status == 0, run.stdout + run.stderr


def test_the_environment_of_the_caller_stays_outside(identity: Identity, token: str) -> None:
    source = identity.folder / "environment.c"
    source.write_text(
        "#include <stdio.h>\nint main(void)\n{\n"
        '    FILE *file = fopen("/proc/1/environ", "r");\n    int c;\n'
        "    while (file != NULL && (c = fgetc(file)) != EOF)\n        fputc(c, stderr);\n    "
        "return 1;\n}\n"
    )
    run = identity.grade(
        WORK=tree_with(identity, source, token), STAGE="1.1", SECRET_OF_THE_CALLER="swordfish"
    )
    failure = first_stage(run).failure
    assert failure is not None
    assert "swordfish" not in failure.stderr


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_nothing_survives_the_grader(identity: Identity, token: str, number: int) -> None:
    """The grader is killed while a program of its runs, with children in a session of their own."""
    source = identity.folder / "lingers.c"
    text = (
        (HOSTILE / "daemon.c")
        .read_text()
        .replace("    return 0;\n", "    for (;;)\n        pause();\n")
    )
    source.write_text(text)
    grader = identity.start(WORK=tree_with(identity, source, token))

    def running() -> bool:
        return sum(name.startswith("/proc") for name in identity.leftovers(token)) >= 3

    assert wait_until(running)
    os.kill(grader.pid, number)
    said, _ = grader.communicate(timeout=60)
    assert number == signal.SIGKILL or "interrupted" in said
    assert grader.returncode == (2 if number == signal.SIGINT else -number), said
    assert wait_until(lambda: identity.leftovers(token) == []), identity.leftovers(token)
