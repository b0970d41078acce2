"""Hostile submissions stay data: nothing is written, started or followed, and none stops others."""

from __future__ import annotations

import os
import re
import socket
import stat
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from grader.classroom.intake import folders, harvest, sha256_of, tar, unpack, zips
from grader.classroom.intake.bounds import ARCHIVE_BYTES, MIB, SOURCES_BYTES
from grader.classroom.model import Submission
from grader.report import escape
from grader.selftest.handed_in import MOODLE, lab_files, lay, taken, tarred, watched, zipped
from grader.selftest.hostile_archives import ARCHIVES, FILES, Hostile

SECRET = b"int secret;\n"


def beside_an_honest_one(tmp_path: Path) -> Submission:
    """Takes in a folder with an honest submission too; returns the hostile one, eve's."""
    lay(tmp_path / "class" / "ada", FILES)
    submissions = {each.student.key: each for each in watched(tmp_path / "class")}
    assert submissions["ada"].files == FILES
    eve = submissions["eve"]
    assert eve.handed.sha256 == sha256_of(eve.files)
    for text in (*eve.handed.notes, *eve.handed.extra, eve.handed.refused, eve.handed.source):
        assert escape.visible(text, "") == text and len(text) < 400
    return eve


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("hostile", ARCHIVES, ids=lambda hostile: hostile.label)
def test_a_hostile_archive(tmp_path: Path, hostile: Hostile) -> None:
    lay(tmp_path / "class" / "eve", {hostile.name: hostile.make()})
    tracemalloc.start()
    try:
        eve = beside_an_honest_one(tmp_path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    said = [*eve.handed.notes, eve.handed.refused]
    assert any(hostile.says in words for words in said), said
    assert bool(eve.handed.refused) is not hostile.kept
    assert {path: eve.files.get(path) for path in FILES} == FILES if hostile.kept else not eve.files
    assert not [path for path in eve.files if "evil" in path]
    assert peak < 2 * ARCHIVE_BYTES + SOURCES_BYTES


def _link(eve: Path) -> None:
    (eve / "lab3-resp" / "evil.c").symlink_to(eve.parent.parent / "secret" / "secret.c")


def _link_to_a_folder(eve: Path) -> None:
    (eve / "lab2-loop").symlink_to(eve.parent.parent / "secret")


def _cycle(eve: Path) -> None:
    (eve / "lab3-resp" / "again").symlink_to(eve)


def _fifo(eve: Path) -> None:
    os.mkfifo(eve / "lab3-resp" / "evil.c")


def _socket(eve: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        at = os.open(eve / "lab3-resp", os.O_RDONLY)
        listener.bind(f"/proc/self/fd/{at}/evil.c")
        os.close(at)


def _device(eve: Path) -> None:
    try:
        os.mknod(eve / "lab3-resp" / "evil.c", stat.S_IFCHR | 0o666, os.makedev(1, 5))
    except PermissionError:
        pytest.skip("only root makes devices")


def _deep(eve: Path) -> None:
    at = os.open(eve, os.O_RDONLY)
    for _ in range(300):
        os.mkdir("d", dir_fd=at)
        inner = os.open("d", os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = inner
    os.close(at)


def _crowd(eve: Path) -> None:
    (eve / "crowd").mkdir()
    for number in range(101):
        os.mknod(eve / "crowd" / str(number))


def _large(eve: Path) -> None:
    with open(eve / "lab3-resp" / "evil.c", "wb") as file:
        file.truncate(1 << 40)


def _large_archive(eve: Path) -> None:
    with open(eve / "w.zip", "wb") as file:
        file.truncate(1 << 40)


def _named(name: bytes) -> Callable[[Path], object]:
    return lambda eve: lay(eve / "lab3-resp", {os.fsdecode(name): SECRET})


FOLDERS: list[tuple[Callable[[Path], object], str]] = [
    (_link, "a link"),
    (_link_to_a_folder, "a link"),
    (_cycle, "a link"),
    (_fifo, "a FIFO"),
    (_socket, "a socket"),
    (_device, "a device"),
    (_deep, "too deep"),
    (_large, "larger than 4 MiB"),
    (_large_archive, "larger than 64 MiB"),
    (_named(b"evil\n.c"), "can't be seen"),
    (_named(b"-evil.c"), "a leading dash"),
    (_named("evil\u202ec.h".encode()), "can't be seen"),
]


@pytest.mark.parametrize(
    ("make", "says"), FOLDERS, ids=lambda value: getattr(value, "__name__", "")
)
def test_a_hostile_folder(tmp_path: Path, make: Callable[[Path], object], says: str) -> None:
    lay(tmp_path / "secret", {"secret.c": SECRET, "loop.c": SECRET})
    eve = lay(tmp_path / "class" / "eve", FILES)
    make(eve)
    submission = beside_an_honest_one(tmp_path)
    assert submission.files == FILES
    assert [note for note in submission.handed.notes if says in note], submission.handed.notes


def test_a_name_that_is_not_utf8_is_shown_and_left_out(tmp_path: Path) -> None:
    _named(b"evil\xff.c")(lay(tmp_path / "class" / "eve", FILES))
    assert beside_an_honest_one(tmp_path).handed.extra == (r"lab3-resp/evil\xff.c",)


def test_a_crowded_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _crowd(lay(tmp_path / "class" / "eve", FILES))
    monkeypatch.setattr(folders, "ENTRIES", 100)
    monkeypatch.setattr(harvest, "ENTRIES", 100)
    assert "100 files" in beside_an_honest_one(tmp_path).handed.refused


def test_many_folders_are_a_crowd_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    eve = lay(tmp_path / "class" / "eve", FILES)
    lay(eve, {f"crowd/{number % 30}/{number}": b"" for number in range(90)})
    monkeypatch.setattr(harvest, "ENTRIES", 100)
    assert "files and folders" in beside_an_honest_one(tmp_path).handed.refused


def test_a_crowded_archive_is_not_even_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay(tmp_path / "class", {"eve.zip": zipped(FILES)})
    monkeypatch.setattr(zips, "ENTRIES", len(FILES) - 1)
    monkeypatch.setattr(zipfile, "ZipFile", lambda *_: pytest.fail("all entries were read"))
    assert "files and folders" in beside_an_honest_one(tmp_path).handed.refused


def test_headers_of_nothing_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lay(tmp_path / "class", {"eve.tar": tarred(FILES, "w", format=tarfile.PAX_FORMAT)})
    monkeypatch.setattr(tar, "_HEADERS", len(FILES))
    assert f"{len(FILES)} headers" in beside_an_honest_one(tmp_path).handed.refused


def test_what_is_left_out_uses_up_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    size = sum(map(len, FILES.values()))
    monkeypatch.setattr(harvest, "SOURCES_BYTES", size + size // 2)
    torn = tarred({f"old/{path}": data for path, data in FILES.items()}, "w")[:-12_000]
    lay(tmp_path / "class" / "eve", {"a.tar": torn, "b.tar": tarred(FILES, "w")})
    eve = beside_an_honest_one(tmp_path)
    assert eve.files == FILES and "a.tar was left out" in eve.handed.notes[0]


def test_reading_ends_when_there_was_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    eve = lay(tmp_path / "class" / "eve", FILES)
    for number in range(9):
        lay(eve, {f"{number}.zip": bytes(2 * MIB)})
    monkeypatch.setattr(unpack, "ARCHIVE_BYTES", MIB)
    monkeypatch.setattr(harvest, "UNPACKED_BYTES", 3 * MIB)
    submission = beside_an_honest_one(tmp_path)
    assert submission.files == FILES
    notes = submission.handed.notes
    assert ["hold too much" in note for note in notes] == [False] * 3 + [True] * 6


def test_large_c_files_end_it_all(tmp_path: Path) -> None:
    eve = lay(tmp_path / "class" / "eve", FILES)
    for number in range(9):
        _large(lay(eve / str(number), {"lab3-resp/a.c": b""}))
    assert "32 MiB" in beside_an_honest_one(tmp_path).handed.refused


@pytest.mark.parametrize("what", ["link", "dangling", "itself", "fifo"])
def test_a_submission_that_is_no_folder(tmp_path: Path, what: str) -> None:
    lay(tmp_path / "secret", FILES)
    (tmp_path / "class").mkdir()
    eve = tmp_path / "class" / "eve"
    targets = {"link": tmp_path / "secret", "dangling": tmp_path / "none", "itself": eve}
    os.mkfifo(eve) if what == "fifo" else eve.symlink_to(targets[what])
    submission = beside_an_honest_one(tmp_path)
    assert submission.files == {}
    assert submission.handed.refused.endswith("a FIFO" if what == "fifo" else "a link")


def test_a_checkouts_git_folder_is_never_looked_at(tmp_path: Path) -> None:
    eve = lay(tmp_path / "class" / "eve", FILES)
    lay(eve / ".git" / "lab3-resp", {"evil.c": SECRET})
    lay(eve / ".git", {"config": b"[core]\n\tfsmonitor = touch /tmp/evil\n\tpager = evil\n"})
    lay(eve, {".gitattributes": b"* filter=evil\n"})
    submission = beside_an_honest_one(tmp_path)
    assert submission.files == FILES
    assert submission.handed.extra == (".gitattributes",)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_is_said(tmp_path: Path) -> None:
    eve = lay(tmp_path / "class" / "eve", FILES | {"lab3-resp/evil.c": SECRET})
    (eve / "lab3-resp" / "evil.c").chmod(0)
    assert "can't be read" in beside_an_honest_one(tmp_path).handed.notes[0]


def test_a_bug_of_the_intake_stops_no_other_submission(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay(tmp_path / "class", {"eve.zip": b"", "ada/lab3-resp/resp.c": b""})

    def broken(*_: object) -> None:
        raise AttributeError("a bug")

    monkeypatch.setattr(unpack, "_members", broken)
    ada, eve = taken(tmp_path / "class")
    assert ada.files and "(AttributeError), so a person must look" in eve.handed.refused


# --- what changes while it is read ---


def _after_the_first_look(monkeypatch: pytest.MonkeyPatch, path: Path, change: object) -> None:
    """Runs ``change`` between the intake's look at a path and its opening it."""
    looked = os.stat

    def look(name: str, **options: object) -> os.stat_result:
        found = looked(name, **options)  # type: ignore[arg-type]
        if name == path.name and callable(change):
            change()
        return found

    monkeypatch.setattr(os, "stat", look)


@pytest.mark.parametrize("name", ["resp.c", "lab3-resp"])
def test_what_becomes_a_link_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    secret = lay(tmp_path / "secret", {"resp.c": SECRET, "loop.c": SECRET})
    eve = lay(tmp_path / "eve", FILES)
    path = eve / "lab3-resp" / name if name == "resp.c" else eve / name

    def swap() -> None:
        path.rename(path.with_name(".moved"))
        path.symlink_to(secret / "resp.c" if name == "resp.c" else secret)

    _after_the_first_look(monkeypatch, path, swap)
    (submission,) = (each for each in taken(tmp_path, "plain") if each.student.key == "eve")
    assert SECRET not in submission.files.values()
    assert [note for note in submission.handed.notes if "can't be read" in note]


def test_what_grows_is_bounded_by_what_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = lay(tmp_path / "eve", FILES) / "lab3-resp" / "resp.c"
    _after_the_first_look(monkeypatch, path, lambda: path.write_bytes(b"//\n" * (2 * MIB)))
    (submission,) = taken(tmp_path)
    assert "larger than 4 MiB" in submission.handed.notes[0]
    assert submission.handed.missing[0] == "lab3-resp/resp.c"


def test_the_hash_is_of_what_was_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = lay(tmp_path / "eve", FILES) / "lab3-resp" / "resp.c"
    _after_the_first_look(monkeypatch, path, lambda: path.write_bytes(SECRET))
    (submission,) = taken(tmp_path)
    assert submission.files["lab3-resp/resp.c"] == SECRET
    assert submission.handed.sha256 == sha256_of(FILES | {"lab3-resp/resp.c": SECRET})


# --- names of students ---

NAMES = [
    "Ada\nLovelace",
    "-rf",
    "=cmd|' /C calc'!A0",
    "<script>alert(1)</script>",
    "\x1b[2J",
    "\u202eadA",
    "; rm -rf ~",
    "..",
    "李雷",
    "😀",
    "x" * 180,
    "'\"`$(id)",
    os.fsdecode(b"J\xfcrgen"),
    "con",
]


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_a_hostile_name_of_a_student(tmp_path: Path, name: str) -> None:
    name = name.replace("/", "")
    lay(tmp_path / f"{name}_777_assignsubmission_file", FILES)
    lay(tmp_path / MOODLE, FILES)
    student = {each.student.id: each.student for each in watched(tmp_path)}["777"]
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*-777", student.key)
    assert len(student.key) <= 64
    assert escape.visible(student.name, "") == student.name


def test_names_that_look_alike_have_keys_of_their_own(tmp_path: Path) -> None:
    alike = ["ada", "Ada", "ADA", "a d a", "ad\u00e1", "ada\u0301", "ada\u200b", "\u0430da", "ada."]
    for name in alike:
        lay(tmp_path / name, lab_files())
    keys = [submission.student.key for submission in watched(tmp_path)]
    assert len(set(keys)) == len(alike) and keys == sorted(keys)


def test_a_zip_at_the_top_is_a_submission_whatever_it_holds(tmp_path: Path) -> None:
    lay(tmp_path / "class", {"eve.zip": zipped({MOODLE + "/x": b"", "../../evil.c": SECRET})})
    eve = beside_an_honest_one(tmp_path)
    assert "leads outside" in eve.handed.refused
