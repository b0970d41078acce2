"""The witness sees a trace of each kind, and none where there is none: else it proves nothing."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from grader.run.cgroup import Cgroup
from grader.selftest.hostile import witness
from grader.selftest.hostile.witness import Marks

_UID = 64_391  # of nobody else

# What a process leaves that runs as that user: each is told from others by the user alone.
_LEAVES = {
    "processes": "pass",
    "files": "open('/var/tmp/' + 'left-by-a-test', 'w')",
    "ipc": "libc.shmget(0, 4096, 0o1600)",
    "sockets": "kept = socket.create_server(('127.0.0.1', 0))",
    "keys": "libc.syscall(248, b'user', b'left', b'x', 1, -2)",
}
_SCRIPT = """
import ctypes, os, socket, sys
libc = ctypes.CDLL(None)
os.setgroups([]); os.setresgid(UID, UID, UID); os.setresuid(UID, UID, UID)
LEAVE
print("done", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def marks(tmp_path: Path) -> Marks:
    return Marks(frozenset([_UID]), f"h{secrets.token_hex(6)}", tmp_path, os.getpid())


@pytest.fixture
def leave() -> Iterator[Callable[[str], None]]:
    """Runs a statement as that user, who lives until the end of the test."""
    started: list[subprocess.Popen[str]] = []

    def run(statement: str) -> None:
        script = _SCRIPT.replace("UID", str(_UID)).replace("LEAVE", statement)
        process = subprocess.Popen(
            [sys.executable, "-c", script],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout is not None and process.stdout.readline() == "done\n"

    yield run
    for process in started:
        process.communicate()
    for row in witness._table(Path("/proc/sysvipc/shm")):
        if row["uid"] == str(_UID):
            subprocess.run(["ipcrm", "-m", row["shmid"]], check=True)
    Path("/var/tmp/left-by-a-test").unlink(missing_ok=True)


def test_nothing_is_found_where_nothing_is(marks: Marks) -> None:
    nobody = replace(marks, uids=frozenset([_UID + 1]))
    assert witness.traces(nobody) == set()


@pytest.mark.skipif(os.geteuid() != 0, reason="not run as root")
def test_what_a_user_leaves_is_seen(marks: Marks, leave: Callable[[str], None]) -> None:
    kinds = {kind.__name__: kind for kind in witness.KINDS}
    for name, statement in _LEAVES.items():
        before = kinds[name](marks)
        leave(statement)
        assert len(kinds[name](marks)) > len(before), name
    assert len(witness.traces(marks)) >= len(_LEAVES)


def test_names_are_seen(marks: Marks) -> None:
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(f"\0{marks.token}")
        assert len(witness.sockets(marks)) == 1
    path = Path("/tmp", f"x-{marks.token}")
    path.touch()
    try:
        assert witness.files(marks) == {f"file {path}"}
    finally:
        path.unlink()
    named = subprocess.Popen(
        [sys.executable, "-c", f"import ctypes; ctypes.CDLL(None).prctl(15, b'{marks.token}')\n"
         "print('named', flush=True); input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )  # fmt: skip
    assert named.stdout is not None and named.stdout.readline() == b"named\n"
    assert len(witness.processes(marks)) == 1
    named.communicate(b"\n")


@pytest.mark.skipif(os.geteuid() != 0, reason="not run as root")
def test_a_mount_is_seen(marks: Marks, tmp_path: Path) -> None:
    """In a mount namespace of its own: this machine shall not have it."""
    mounted = subprocess.Popen(
        ["unshare", "--mount", "sh", "-c", f"mount -t tmpfs none {tmp_path}; echo; read line"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert mounted.stdout is not None and mounted.stdout.readline() == b"\n"
    assert len(witness.mounts(marks, str(mounted.pid))) == 1
    assert witness.mounts(marks) == set()
    mounted.communicate(b"\n")


def test_a_control_group_is_seen(marks: Marks) -> None:
    planned = Cgroup.planned()
    for group in planned:
        group.make()
    made = [group for group in planned if group.path.is_dir()]
    seen = witness.cgroups(marks)
    for group in made:
        group.close()
        group.remove()
    if not made:
        pytest.skip("no control groups here")
    assert len(seen) == len(made) and witness.cgroups(marks) == set()


def test_files_in_the_results_are_seen(tmp_path: Path) -> None:
    (tmp_path / "traces").mkdir()
    for name in ("lab1.json", "report.html", "junit.xml", "traces/lab1-1.4.jsonl"):
        (tmp_path / name).touch()
    assert witness.unexpected_results(tmp_path, "1") == set()
    for name in ("results.json", "traces/other", "lab2.json"):
        (tmp_path / name).touch()
    (tmp_path / "traces" / "lab1-1.5.jsonl").symlink_to("/etc/passwd")
    assert len(witness.unexpected_results(tmp_path, "1")) == 4


def test_changed_sources_are_seen(tmp_path: Path) -> None:
    shutil.copy(__file__, tmp_path / "one.py")
    before = witness.snapshot(tmp_path)
    (tmp_path / "one.py").write_text("")
    (tmp_path / "two.c").touch()
    after = witness.snapshot(tmp_path)
    assert before.keys() < after.keys() and before != {name: after[name] for name in before}
