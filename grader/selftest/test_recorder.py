"""The recorder of system calls, around small programs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.labs.lab6.disk import Disk
from grader.run.build import RECORDER
from grader.run.recorder import Began, Ended, Note, Recorder, Step

START = """
import ctypes, os, socket, sys
os.chdir(sys.argv[1])
def note(text):
    ctypes.CDLL(None).prctl(0x4C364E54, text, len(text), 0, 0)
def tries(what, *args):
    try:
        return what(*args)
    except OSError as error:
        return -error.errno
"""


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recorder") / "recorder"
    units = [str(file) for file in RECORDER if file.suffix == ".c"]
    subprocess.run(["cc", "-D_GNU_SOURCE", "-O1", "-o", str(path), *units], check=True)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = Path(os.path.realpath(tmp_path)) / "folder"
    made.mkdir()
    return made


@pytest.fixture
def recorder(built: Path) -> Iterator[Recorder]:
    made = Recorder(built)
    yield made
    made.close()


def run(recorder: Recorder, folder: Path, script: str) -> list[Step]:
    command = [str(recorder.program), "0", sys.executable, "-I", "-c", START + script, str(folder)]
    done = subprocess.run(command, stdin=recorder.fileno(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return list(recorder.steps())


def disk_of(folder: Path, steps: list[Step]) -> Disk:
    disk = Disk(str(folder))
    for step in steps:
        disk.take(step)
    assert disk.unfollowed == ""
    return disk


def files(folder: Path) -> dict[str, bytes | None]:
    paths = sorted(folder.rglob("*"))
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in paths
    }


WAYS = """
os.mkdir("d")
one = os.open("d/log", os.O_CREAT | os.O_RDWR)
os.write(one, b"abc")
two = os.dup(one)
os.writev(two, [b"de", b"", b"f"])
os.lseek(one, 1, os.SEEK_SET)
os.write(two, b"X")
os.pwrite(one, b"YZ", 7)
os.ftruncate(one, 8)
more = os.open("d/log", os.O_WRONLY | os.O_APPEND)
os.write(more, b"end")
with open("text", "w+") as file:
    file.write("through stdio")
os.link("text", "again")
os.unlink("text")
os.rename("again", "d/moved")
os.chdir("d")
os.close(os.open("../empty", os.O_CREAT | os.O_WRONLY | os.O_EXCL))
os.truncate("moved", 7)
os.posix_fallocate(one, 0, 20)
os.open("moved", os.O_WRONLY | os.O_TRUNC)
tries(os.open, "/none/such", os.O_CREAT)
if os.fork() == 0:
    os.write(more, b"of a child")
    os._exit(0)
os.wait()
"""


def test_the_model_has_what_the_folder_has(recorder: Recorder, folder: Path) -> None:
    disk = disk_of(folder, run(recorder, folder, WAYS))
    assert dict(disk.now()) == files(folder)
    assert len(disk.pending()) == len(disk.changes)


def test_flushes_are_known_and_not_made(recorder: Recorder, folder: Path) -> None:
    steps = run(
        recorder,
        folder,
        """
one = os.open("log", os.O_CREAT | os.O_RDWR)
os.write(one, b"a")
os.fdatasync(one)
os.fsync(os.open(".", os.O_RDONLY))
os.write(one, b"b")
""",
    )
    assert dict(disk_of(folder, steps).flushed().content) == {"log": b"a"}


def test_notes_and_sends_are_in_order(recorder: Recorder, folder: Path) -> None:
    steps = run(
        recorder,
        folder,
        """
one, other = socket.socketpair()
note(b"begins")
one.send(b"hello")
note(b"ends")
""",
    )
    texts = [step.text for step in steps if isinstance(step, Note)]
    assert texts == ["begins", "ends"]
    sends = [step.call for step in steps if isinstance(step, Began) and step.call.data == b"hello"]
    assert [call.result for call in sends] == [5]
    assert sends[0].descriptor is not None
    assert sends[0].descriptor.name.startswith("socket:")


@pytest.mark.parametrize(
    ("rule", "outcomes"),
    [
        ("!once w 2 28", [1, -28, 1]),
        ("!fail w 2 5", [1, -5, -5]),
        ("!room 2", [1, 1, -28]),
        ("!none", [1, 1, 1]),
        ("!once f 1 5", [1, 1, 1]),
    ],
)
def test_rules(recorder: Recorder, folder: Path, rule: str, outcomes: list[int]) -> None:
    script = f"""
one = os.open("log", os.O_CREAT | os.O_RDWR)
note({rule.encode()!r})
os.write(2, b"no file")
got = [tries(os.write, one, b"x") for _ in range(3)]
note(b"!none")
assert got == {outcomes}, got
"""
    run(recorder, folder, script)


def test_short_counts(recorder: Recorder, folder: Path) -> None:
    script = """
one = os.open("log", os.O_CREAT | os.O_RDWR)
note(b"!short 2")
assert os.write(one, b"abcde") == 2
assert os.pread(one, 5, 0) == b"ab"
"""
    steps = run(recorder, folder, script)
    assert dict(disk_of(folder, steps).now()) == {"log": b"ab"}


def test_a_killed_program_has_begun_its_call(recorder: Recorder, folder: Path) -> None:
    script = """
child = os.fork()
if child == 0:
    note(b"!kill 1")
    os.mkdir("never")
    os._exit(0)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -9
"""
    steps = run(recorder, folder, script)
    assert not files(folder)
    assert not disk_of(folder, steps).changes


def test_shared_memory_of_a_file_can_not_be_followed(recorder: Recorder, folder: Path) -> None:
    script = """
import mmap
one = os.open("log", os.O_CREAT | os.O_RDWR)
os.ftruncate(one, 10)
mmap.mmap(one, 10)
"""
    disk = Disk(str(folder))
    for step in run(recorder, folder, script):
        disk.take(step)
    assert disk.unfollowed == "mmap"


def test_the_status_is_the_programs_own(recorder: Recorder) -> None:
    command = [str(recorder.program), "0", "/bin/sh", "-c", "exit 7"]
    assert subprocess.run(command, stdin=recorder.fileno()).returncode == 7
    assert any(isinstance(step, Ended) for step in recorder.steps())
