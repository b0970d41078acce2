"""Dask's workers as processes: what becomes of a class when one of them dies, or the run does, and
when the scheduler is somebody else's.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from grader.selftest import class_stubs
from grader.selftest.harness import GRADER_SECONDS, ROOT, grader_environment

STUBS, REAL = "grader.selftest.class_stubs", "grader.classroom"


class Class(class_stubs.Class):
    """One that is run by a command, with a folder for all that is temporary."""

    def start(self, *options: str, module: str = STUBS) -> subprocess.Popen[str]:
        (self.folder / "tmp").mkdir(exist_ok=True)
        command = ["grade"] if module == REAL else []
        command += [str(self.folder / "submissions"), "--lab", "4", "--unsafe", "--seed", "7"]
        return subprocess.Popen(
            [sys.executable, "-m", module, *command, "--out", str(self.folder / "out"), *options],
            cwd=ROOT,
            env={**os.environ, "TMPDIR": str(self.folder / "tmp")},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            # A shell's background job, such as a test runner's, may ignore it.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )

    def run(self, *options: str, module: str = STUBS) -> tuple[int, str]:
        started = self.start(*options, module=module)
        said, _ = started.communicate(timeout=GRADER_SECONDS)
        return started.returncode, said

    def leftovers(self) -> list[str]:
        return sorted(path.name for path in (self.folder / "tmp").iterdir())


@pytest.fixture
def course() -> Iterator[Class]:
    """In a folder that those may enter whom programs run as."""
    with tempfile.TemporaryDirectory(prefix="echo-to-raft-tests-") as folder:
        Path(folder).chmod(0o711)
        yield Class(Path(folder))


@contextlib.contextmanager
def all_end(started: subprocess.Popen[str]) -> Iterator[None]:
    """All that the process has started ends, after what is done here."""
    found = [started.pid, *(one.pid for one in psutil.Process(started.pid).children(True))]
    waiting = [os.pidfd_open(pid) for pid in found]
    yield
    for one in waiting:
        assert select.select([one], [], [], GRADER_SECONDS)[0], "a process is left"
        os.close(one)
    started.communicate()


def read_until(started: subprocess.Popen[str], words: str) -> None:
    assert started.stdout is not None
    for line in started.stdout:
        if re.search(words, line):
            return
    raise AssertionError(f"the run ended before it said {words}")


def test_a_lost_workers_submission_is_graded_again_once(course: Class) -> None:
    course.hand_in(anna=f"kill-once {course.folder / 'killed'}", bert="kill", cleo="60")
    status, said = course.run("--workers", "2")
    assert status == 1, said
    assert [course.entry(key).status for key in ("anna", "bert", "cleo")] == [
        "graded",
        "quarantined",
        "graded",
    ]
    assert "and so did a second one" in course.entry("bert").story
    assert course.leftovers() == []


def test_ctrl_c_ends_all_and_says_how_to_go_on(course: Class) -> None:
    course.hand_in(anna="60", bert="block")
    started = course.start("--workers", "1")
    read_until(started, "1/2 +anna")
    with all_end(started):
        started.send_signal(signal.SIGINT)
        read_until(started, "interrupted: 1 of 2 are graded; the same command goes on")
        assert started.stdout is not None and "interrupted" not in started.stdout.read()
    assert started.returncode == 2
    assert course.leftovers() == []
    course.hand_in(bert="50")
    status, said = course.run("--workers", "1")
    assert status == 0 and "2 submissions: 1 done, 1 to grade" in said


def test_killed_and_started_again_it_goes_on(course: Class) -> None:
    """With real gradings, of programs that do not compile. One is under way when the run dies."""
    for key in ("anna", "bert"):
        folder = course.folder / "submissions" / key
        folder.mkdir(parents=True)
        (folder / "message.c").write_text("#error not yet\n")
    started = course.start("--workers", "1", module=REAL)
    read_until(started, "1/2 +anna")
    with all_end(started):
        started.kill()
    assert course.leftovers() == []
    entry = course.folder / "out/students/anna/entry.json"
    before = entry.stat()
    status, said = course.run("--workers", "1", module=REAL)
    assert status == 0, said
    assert "2 submissions: 1 done, 1 to grade" in said
    there = sorted(path.name for path in (course.folder / "out").iterdir())
    assert there == [".lock", "class.html", "grades.csv", "run.json", "students"]
    assert (entry.stat().st_mtime_ns, entry.stat().st_ino) == (before.st_mtime_ns, before.st_ino)
    assert course.leftovers() == []


def test_workers_of_another_scheduler(course: Class, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    course.hand_in(anna="60", bert="raise")
    with class_stubs.cluster() as cluster:
        status, said = course.run("--scheduler", cluster.scheduler_address)
    assert status == 1, said
    assert course.entry("anna").status == "graded"
    assert "the grading broke" in course.entry("bert").story


def test_workers_with_another_grader_are_refused(
    course: Class, monkeypatch: pytest.MonkeyPatch
) -> None:
    course.hand_in(anna="60")
    monkeypatch.setattr("grader.classroom.stamps.grader_sha256", lambda: "another")
    with class_stubs.cluster() as cluster:
        status, said = course.run("--scheduler", cluster.scheduler_address)
    assert status == 2 and len(said.splitlines()) == 1
    assert "has another grader than this checkout" in said
    assert not (course.folder / "out/run.json").exists()


def test_a_scheduler_that_goes_away(course: Class) -> None:
    course.hand_in(anna="60", bert="block")
    with class_stubs.cluster() as cluster:
        started = course.start("--scheduler", cluster.scheduler_address)
        read_until(started, "1/2 +anna")
    said, _ = started.communicate(timeout=GRADER_SECONDS)
    assert started.returncode == 2
    assert said.splitlines()[-1] == "GRADER-ERROR: the scheduler is gone; the same command goes on"


def test_a_scheduler_that_is_not_there(course: Class) -> None:
    course.hand_in(anna="60")
    status, said = course.run("--scheduler", "no-address")
    assert status == 2 and said.startswith("error: --scheduler no-address")


def test_only_this_machine_can_talk_to_the_cluster_and_with_a_key(course: Class) -> None:
    course.hand_in(anna="60", bert="block")
    started = course.start("--workers", "1")
    read_until(started, "1/2 +anna")
    family = [psutil.Process(started.pid), *psutil.Process(started.pid).children(True)]
    listening = [
        one.laddr
        for process in family
        for one in process.net_connections()
        if one.status == psutil.CONN_LISTEN
    ]
    with all_end(started):
        started.kill()
    assert listening and {address.ip for address in listening} == {"127.0.0.1"}


def make_class(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "-s", "class", *words],
        cwd=ROOT,
        env=grader_environment(Path("out")),
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "missing: SUBMISSIONS=dir"),
        (("SUBMISSIONS=/nowhere", "LAB=4"), "'/nowhere' is no folder"),
        (("SUBMISSIONS=labs",), "missing: LAB=1"),
        (("SUBMISSIONS=labs", "LAB=9"), "there is no lab '9'"),
        (("SUBMISSIONS=labs", "LAB=4", "SEED=x"), "--seed: a whole number"),
        (("SUBMISSIONS=labs", "LAB=4", "WORKERS=0"), "--workers: a whole number"),
        (("SUBMISSIONS=labs", "LAB=4", "LAYOUT=heap"), "invalid choice: 'heap'"),
        (("SUBMISSIONS=labs", "LAB=4", "POLICY=/nowhere"), "/nowhere"),
        (
            ("SUBMISSIONS=labs", "LAB=4", "LATE=Makefile"),
            "late Makefile: line 1: it is student,late",
        ),
        (("SUBMISSIONS=labs", "LAB=4", "OUT=/proc/nowhere"), "OUT=/proc/nowhere"),
        (("SUBMISSIONS=labs", "LAB=4", "OUT=labs/graded"), "lies among the submissions"),
        (("SUBMISSIONS=labs", "LAB=4", "SCHEDULER=a", "WORKERS=1"), "not allowed with"),
    ],
    ids=str,
)
def test_a_wrong_call_gets_one_clear_line(words: tuple[str, ...], says: str) -> None:
    done = make_class(*words)
    line, *make_says = done.stderr.splitlines()
    assert done.returncode == 2 and says in line, done.stderr
    assert all(words.startswith("make") for words in make_says), done.stderr


def test_make_hands_the_options_on(course: Class) -> None:
    """A class of one who handed in nothing, in folders whose names are no ASCII words."""
    submissions, out = course.folder / "ein 'Übung' $1", course.folder / "out put"
    (submissions / "anna").mkdir(parents=True)
    words = (
        "SUBMISSIONS=" + str(submissions).replace("$", "$$"),
        f"OUT={out}",
        "LAB=4",
        "UNSAFE=1",
    )
    done = make_class(*words, "SEED=9", "SEED_PER_STUDENT=1", "WORKERS=1")
    assert done.returncode == 0, done.stderr
    assert "0 graded, 1 refused, 0 quarantined" in done.stdout
    settings = json.loads((out / "run.json").read_text())
    assert (settings["seed"], settings["seed_per_student"], settings["unsafe"]) == (9, True, True)
    assert settings["students"] == ["anna"]
    again = make_class(*words, "SEED_PER_STUDENT=1", "ONLY_CHANGED=1", "RETRY=1")
    assert "1 submission: 1 done, nothing to grade" in again.stdout
