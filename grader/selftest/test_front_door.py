"""make, as a user types it: what works, and one clear line where something can't."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.selftest.conftest import ORDINARY_UID
from grader.selftest.harness import ROOT, grader_environment, require

VENV = ROOT / ".venv"


def make(
    *words: str, folder: Path = ROOT, timeout: float = 300, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "--no-print-directory", f"VENV={VENV}", *words],
        cwd=folder,
        env={**grader_environment(Path("out")), **environment},
        capture_output=True,
        text=True,
        timeout=timeout,
        stdin=subprocess.DEVNULL,
    )


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[Path]:
    """A copy of the tree, in a folder whose name is no ASCII word."""
    folder = tmp_path / "meine Übung $1 'x'"
    folder.mkdir()
    for name in ("Makefile", "grader", "labs", "solutions", "handouts"):
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(
                source, folder / name, ignore=shutil.ignore_patterns("__pycache__", "selftest")
            )
        else:
            shutil.copyfile(source, folder / name)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["lab9"], "there is no lab '9'"),
        (["labx"], "there is no lab 'x'"),
        (["build9"], "there is no lab '9'"),
        (["lab1", "STAGE=1.99"], "STAGE=1.99"),
        (["lab1", "STAGE=hello"], "STAGE=hello"),
        (["lab1", "WORK=/nowhere"], "WORK=/nowhere"),
        (["lab1", "WORK=docs"], "no folder lab1-echo"),
        (["lab1", "OUT=/proc/nowhere"], "OUT=/proc/nowhere"),
        (["lab1", "OUT=README.md/x"], "OUT="),
        (["lab1", "SEED=-1"], "SEED=-1"),
        (["lab1", "ALL=yes"], "ALL=yes"),
        (["lab1", "ISOLATION=none"], "ISOLATION=none"),
        (["lab1", "BORROW=1"], "lab 1 does not build on lab1-echo"),
        (["lab2", "BORROW=2"], "lab 2 does not build on lab2-loop"),
        (["lab2", "BORROW=9"], "BORROW=9"),
        (["lab2", "BORROW=x"], "BORROW=x"),
        (["lab1", "CC=no-such-compiler"], "no-such-compiler"),
        (["hint"], "STAGE=1.4"),
        (["hint", "STAGE=1.99"], "STAGE=1.99"),
        (["hint", "STAGE=1.4", "TIER=4"], "TIER=4"),
        (["debug"], "STAGE=1.4"),
        (["replay"], "TRACE="),
        (["replay", "TRACE=README.md"], "TRACE=README.md"),
        (["replay", "TRACE=/nowhere"], "TRACE=/nowhere"),
        (["run1", "PROGRAM=ls"], "PROGRAM=ls"),
        (["kit", "RELEASE=x"], "RELEASE=x"),
        (["kit", "RELEASE=9"], "9"),
        (["bench", "LAB=9"], "there is no lab '9'"),
        (["nonsense"], "nonsense"),
        (["build1", "lab1"], "leave out build1"),
    ],
    ids=" ".join,
)
def test_a_wrong_call_gets_one_clear_line(words: list[str], says: str) -> None:
    done = make(*words)
    lines = [
        line for line in done.stderr.splitlines() if not line.startswith("make")
    ] or done.stderr.splitlines()
    assert done.returncode == 2, done.stdout + done.stderr
    assert len(lines) == 1 and says in lines[0], done.stderr
    assert "Traceback" not in done.stderr + done.stdout


def test_without_python_or_venv_one_line_says_so(tmp_path: Path) -> None:
    done = subprocess.run(
        ["make", "lab1", f"VENV={tmp_path / 'venv'}", "PYTHON=no-such-python"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 2
    assert "no-such-python" in done.stderr and "Python 3.11" in done.stderr
    assert "Traceback" not in done.stderr


def test_out_that_may_not_be_written(ordinary_python: tuple[str, Path]) -> None:
    python, root = ordinary_python
    require("ordinary-user", os.geteuid() == 0)
    done = subprocess.run(
        [
            "setpriv",
            f"--reuid={ORDINARY_UID}",
            f"--regid={ORDINARY_UID}",
            "--clear-groups",
            python,
            "-I",
            str(root / "grader" / "__main__.py"),
            "lab",
            "1",
        ],
        cwd=root,
        env=grader_environment(root / "out"),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: OUT=") and len(done.stderr.splitlines()) == 1


def test_help_is_one_screen() -> None:
    done = make("help")
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) <= 42
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_exit_statuses_reach_the_shell(tmp_path: Path) -> None:
    assert make("lab1", f"OUT={tmp_path / 'a'}").returncode == 1
    assert make("lab1", "STAGE=1.2", "WORK=solutions", f"OUT={tmp_path / 'b'}").returncode == 0
    grade = make("grade", "WORK=solutions", f"OUT={tmp_path / 'c'}", timeout=900)
    assert grade.returncode == 0, grade.stdout + grade.stderr
    assert json.loads((tmp_path / "c" / "grade.json").read_text())["points"] == 600
    for name in ("lab1.json", "lab4.json", "report.html", "junit.xml"):
        assert (tmp_path / "c" / name).stat().st_size > 0


def test_paths_with_spaces_and_other_letters(checkout: Path) -> None:
    done = make("lab1", "WORK=solutions", folder=checkout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads((checkout / "out" / "lab1.json").read_text(encoding="utf-8"))["points"] == 100


def test_the_students_day(checkout: Path) -> None:
    """From the starter to a hint, a build, a run and a replay."""
    listed = make("stages", "LAB=1", folder=checkout)
    assert "1.13" in listed.stdout and "lab1#half-close" in listed.stdout
    built = make("build1", folder=checkout)
    assert built.returncode == 0, built.stdout + built.stderr
    commands = json.loads((checkout / "compile_commands.json").read_text(encoding="utf-8"))
    assert any(entry["file"].endswith("echo_server.c") for entry in commands)
    ran = make("run1", "ARGS=--nonsense", folder=checkout)
    assert "usage: echo_server" in ran.stderr
    assert make("lab1", folder=checkout).returncode == 1
    hint = make("hint", "STAGE=1.1", "TIER=3", folder=checkout)
    assert hint.returncode == 0 and "getsockname" in hint.stdout
    again = make("replay", "TRACE=out/traces/lab1-1.1.jsonl", folder=checkout)
    assert again.returncode == 0 and "exited with 1 before" in again.stdout


def test_unchanged_sources_are_not_rebuilt(tmp_path: Path) -> None:
    words = ("lab1", "STAGE=1.2", "WORK=solutions", f"OUT={tmp_path}", "CACHE=")
    assert make(*words).returncode == 0
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "build").rglob("echo_server")}
    assert before and make(*words).returncode == 0
    assert {
        path: path.stat().st_mtime_ns for path in (tmp_path / "build").rglob("echo_server")
    } == before


def test_the_debugger_runs_the_failing_case(tmp_path: Path) -> None:
    require("gdb", shutil.which("gdb") is not None)
    done = subprocess.run(
        ["make", "-s", f"VENV={VENV}", "debug", "STAGE=1.2", "WORK=solutions", f"OUT={tmp_path}"],
        cwd=ROOT,
        env=grader_environment(tmp_path),
        input="continue\nquit\n",
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert "Breakpoint 1, main" in done.stdout, done.stdout + done.stderr
    assert "1.2   PASS" in done.stdout, done.stdout + done.stderr
