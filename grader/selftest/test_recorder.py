"""The recorder of system calls, around small programs."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.labs.lab6.contents import Link
from grader.labs.lab6.disk import Disk
from grader.run.build import RECORDER
from grader.run.recorder import Began, Ended, Note, Recorder, Step

NOBODY = 65534
START = """
import ctypes, mmap, os, socket, sys
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
    return built_in(tmp_path_factory.mktemp("recorder"))


def built_in(folder: Path) -> Path:
    path = folder / "recorder"
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


def run(
    recorder: Recorder,
    folder: Path,
    script: str,
    rule: str = "",
    user: int | None = None,
    python: str = sys.executable,
) -> list[Step]:
    """Under a rule that holds when Python itself has started."""
    waiting, go_on = os.pipe()
    start = f"{START}print('ready', flush=True)\nos.read({waiting}, 1)\n"
    process = subprocess.Popen(
        [str(recorder.program), "0", python, "-I", "-c", start + script, str(folder)],
        stdin=recorder.fileno(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        user=user,
        pass_fds=[waiting],
    )
    assert process.stdout is not None
    process.stdout.readline()
    if rule:
        recorder.rule(rule)
    os.write(go_on, b"!")
    _, errors = process.communicate()
    os.close(waiting)
    os.close(go_on)
    assert process.returncode == 0, errors
    return list(recorder.steps())


def disk_of(folder: Path, steps: list[Step]) -> Disk:
    disk = Disk(str(folder))
    for step in steps:
        disk.take(step)
    assert not disk.unfollowed
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
os.write(2, b"no file")
got = [tries(os.write, one, b"x") for _ in range(3)]
assert got == {outcomes}, got
"""
    run(recorder, folder, script, rule)


def test_a_note_is_no_rule(recorder: Recorder, folder: Path) -> None:
    script = """
one = os.open("log", os.O_CREAT | os.O_RDWR)
note(b"!none")
assert tries(os.write, one, b"x") == -5
"""
    run(recorder, folder, script, "!once w 1 5")


def test_short_counts(recorder: Recorder, folder: Path) -> None:
    script = """
one = os.open("log", os.O_CREAT | os.O_RDWR)
assert os.write(one, b"abcde") == 2
assert os.pread(one, 5, 0) == b"ab"
"""
    steps = run(recorder, folder, script, "!short 2")
    assert dict(disk_of(folder, steps).now()) == {"log": b"ab"}


def test_a_vector_is_left_with_a_piece_that_has_something_in_it(
    recorder: Recorder, folder: Path
) -> None:
    script = """
one = os.open("log", os.O_CREAT | os.O_RDWR)
assert os.writev(one, [b"", b"", b"abc", b"d"]) == 3
"""
    steps = run(recorder, folder, script, "!short 2")
    assert dict(disk_of(folder, steps).now()) == {"log": b"abc"}


def test_direct_writes_are_cut_by_blocks(recorder: Recorder, folder: Path) -> None:
    script = """
one = tries(os.open, "log", os.O_CREAT | os.O_RDWR | os.O_DIRECT)
if one >= 0:
    assert os.write(one, mmap.mmap(-1, 3 * 4096)) == 4096
"""
    run(recorder, folder, script, "!short 2")


def test_who_does_the_job_is_killed_where_a_child_makes_the_call(
    recorder: Recorder, folder: Path
) -> None:
    script = """
child = os.fork()
if child == 0:
    note(b"begins")
    if os.fork() == 0:
        os.mkdir("never")
    os.wait()
    os._exit(0)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -9
"""
    run(recorder, folder, script, "!kill 1")
    assert not files(folder)


def test_a_killed_program_has_begun_its_call(recorder: Recorder, folder: Path) -> None:
    script = """
child = os.fork()
if child == 0:
    os.mkdir("never")
    os._exit(0)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -9
"""
    steps = run(recorder, folder, script, "!kill 1")
    assert not files(folder)
    assert not disk_of(folder, steps).changes


MAPPED = """
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = libc.mremap.restype = ctypes.c_void_p
libc.mremap.argtypes = libc.msync.argtypes = libc.munmap.argtypes = [
    ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t, ctypes.c_int]
SYNC, ASYNC, MAY_MOVE, PAGE = 4, 1, 1, 4096
log = os.open("log", os.O_CREAT | os.O_RDWR)
os.ftruncate(log, 2 * PAGE)
os.fsync(log)
os.fsync(os.open(".", os.O_RDONLY))
def mapped(len, at=0, fd=log):
    found = libc.mmap(None, ctypes.c_size_t(len), 3, mmap.MAP_SHARED, fd, ctypes.c_long(at))
    assert found != ctypes.c_void_p(-1).value
    return found
at = mapped(2 * PAGE)
def store(where, data):
    ctypes.memmove(where, data, len(data))
"""


@pytest.mark.parametrize(
    ("script", "flushed"),
    [
        ("store(at + 10, b'abc')", {}),
        ("store(at + 10, b'abc'); libc.msync(at, PAGE, SYNC, 0)", {10: b"abc"}),
        ("store(at + 10, b'abc'); libc.msync(at, PAGE, ASYNC, 0)", {}),
        ("store(at + 10, b'abc'); libc.msync(at + PAGE, PAGE, SYNC, 0)", {}),
        ("libc.msync(at, PAGE, SYNC, 0); store(at + 10, b'abc')", {}),
        (
            "store(at, b'a'); store(at + 4097, b'b'); libc.msync(at + PAGE, PAGE, SYNC, 0)",
            {4097: b"b"},
        ),
        ("store(at, b'abc'); os.fdatasync(log)", {0: b"abc"}),
        ("store(at, b'abc'); libc.munmap(at, 2 * PAGE, 0, 0); os.fsync(log)", {0: b"abc"}),
        ("store(at, b'abc'); os.sync()", {0: b"abc"}),
        ("store(at + 99, b'abc'); libc.msync(at, 1, SYNC, 0)", {99: b"abc"}),
        (
            "store(at, b'abc'); libc.munmap(at, 2 * PAGE, 0, 0)\n"
            "vote = os.open('vote', os.O_CREAT | os.O_RDWR); os.ftruncate(vote, 2 * PAGE)\n"
            "assert mapped(2 * PAGE, fd=vote) == at; libc.msync(at, 2 * PAGE, SYNC, 0)",
            {},
        ),
        (
            "if os.fork() == 0:\n"
            " libc.munmap(at, 2 * PAGE, 0, 0)\n"
            " vote = os.open('vote', os.O_CREAT | os.O_RDWR)\n"
            " os.ftruncate(vote, 2 * PAGE)\n"
            " assert mapped(2 * PAGE, fd=vote) == at\n"
            " os._exit(0)\n"
            "os.wait(); store(at, b'abc'); libc.msync(at, PAGE, SYNC, 0)",
            {0: b"abc"},
        ),
        ("os.pwrite(log, b'abc', PAGE); libc.msync(at, PAGE, SYNC, 0)", {}),
        ("os.pwrite(log, b'abc', 9); libc.msync(at, PAGE, SYNC, 0)", {9: b"abc"}),
        (
            "os.rename('log', 'old'); os.rename('old', 'log'); store(at, b'a'); os.fsync(log)",
            {0: b"a"},
        ),
        ("store(at, b'abc'); os.close(log); libc.msync(at, PAGE, SYNC, 0)", {0: b"abc"}),
        (
            "two = mapped(PAGE, PAGE); store(two, b'x'); libc.msync(two, PAGE, SYNC, 0)",
            {4096: b"x"},
        ),
        (
            "os.ftruncate(log, 64 * PAGE); at = libc.mremap(at, 2 * PAGE, 64 * PAGE, MAY_MOVE);"
            "store(at + 9 * PAGE, b'far'); libc.msync(at + 9 * PAGE, PAGE, SYNC, 0)",
            {9 * 4096: b"far"},
        ),
    ],
)
def test_stores_in_a_mapping_are_known_when_they_are_flushed(
    recorder: Recorder, folder: Path, script: str, flushed: dict[int, bytes]
) -> None:
    disk = disk_of(folder, run(recorder, folder, MAPPED + script.replace("; ", "\n")))
    assert disk.mapped == "log"
    left = disk.flushed().content["log"]
    assert left is not None
    expected = bytearray(len(left))
    for at, data in flushed.items():
        expected[at : at + len(data)] = data
    assert left == expected


def test_a_flush_of_a_mapping_can_fail(recorder: Recorder, folder: Path) -> None:
    script = """
store(at, b"abc")
assert libc.msync(at, PAGE, SYNC, 0) == -1
assert ctypes.get_errno() == 5
"""
    disk = disk_of(folder, run(recorder, folder, MAPPED + script, "!fail f 3 5"))
    assert disk.flushed().content["log"] == bytes(2 * 4096)
    assert [change.lost for change in disk.pending()] == [True]


COPIES = """
os.write(os.open("from", os.O_CREAT | os.O_RDWR), b"0123456789\\0\\0")
source = os.open("from", os.O_RDONLY)
to = os.open("to", os.O_CREAT | os.O_RDWR)
os.copy_file_range(source, to, 4)
os.sendfile(to, source, 2, 6)
pipe = os.pipe()
os.write(pipe[1], b"ab")
os.splice(pipe[0], to, 2)
while os.copy_file_range(source, to, 4) > 0:
    pass
os.ftruncate(to, 3 * 4096)
ctypes.CDLL(None).fallocate(to, 8, ctypes.c_long(0), ctypes.c_long(4096))
"""


def test_a_file_without_a_name_gets_one(recorder: Recorder, folder: Path) -> None:
    script = """
for data in b"one", b"two":
    made = os.open(".", os.O_TMPFILE | os.O_RDWR)
    os.write(made, data)
    libc = ctypes.CDLL(None, use_errno=True)
    own = f"/proc/self/fd/{made}".encode()
    assert libc.linkat(-100, own, -100, data, 0x400) == 0, ctypes.get_errno()
os.mknod("node")
"""
    disk = disk_of(folder, run(recorder, folder, script))
    assert dict(disk.now()) == files(folder) == {"node": b"", "one": b"one", "two": b"two"}


def test_a_symbolic_link_is_a_name(recorder: Recorder, folder: Path) -> None:
    script = """
os.write(os.open("one", os.O_CREAT | os.O_RDWR), b"1")
os.symlink("one", "next")
os.rename("next", "current")
os.write(os.open("current", os.O_RDWR | os.O_APPEND), b"2")
"""
    disk = disk_of(folder, run(recorder, folder, script))
    assert dict(disk.now()) == {"current": Link(b"one"), "one": b"12"}


def test_what_a_record_holds_of_a_mapping_is_what_has_changed(
    recorder: Recorder, folder: Path
) -> None:
    script = """
os.ftruncate(log, 1 << 28)
at = mapped(1 << 28)
for i in range(1000):
    store(at + (i << 12), b"x")
    os.fsync(log)
"""
    run(recorder, folder, MAPPED + script)
    assert os.fstat(recorder.fileno()).st_size < 8 << 20


def test_copies_within_the_kernel_are_writes(recorder: Recorder, folder: Path) -> None:
    disk = disk_of(folder, run(recorder, folder, COPIES))
    assert dict(disk.now()) == files(folder)
    assert len(disk.pending()) == len(disk.changes)


def test_the_recorder_can_not_be_looked_into() -> None:
    script = """
import signal
tracer = next(
    int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("TracerPid")
)
assert tracer > 0
for file in "mem", "environ", "maps":
    assert tries(os.open, f"/proc/{tracer}/{file}", os.O_RDONLY) < 0, file
assert tries(os.listdir, f"/proc/{tracer}/fd") == -13
libc = ctypes.CDLL(None, use_errno=True)
pidfd = os.pidfd_open(tracer)
PIDFD_GETFD = 438
assert [libc.syscall(PIDFD_GETFD, pidfd, fd, 0) for fd in range(3, 128)] == [-1] * 125
"""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        recorder = Recorder(built_in(Path(folder)))
        if os.geteuid() == 0:  # who may look into anything, and whose Python nobody else may run
            run(recorder, Path("/"), script, user=NOBODY, python="/usr/bin/python3")
        else:
            run(recorder, Path("/"), script)
        recorder.close()


def test_the_status_is_the_programs_own(recorder: Recorder) -> None:
    command = [str(recorder.program), "0", "/bin/sh", "-c", "exit 7"]
    assert subprocess.run(command, stdin=recorder.fileno()).returncode == 7
    assert any(isinstance(step, Ended) for step in recorder.steps())
