"""The model of a disk: what a crash can leave, by a record made by hand."""

from __future__ import annotations

import os

import pytest

from grader.labs.lab6.contents import compact, part, size_of, with_flipped
from grader.labs.lab6.disk import Disk
from grader.run.recorder import Began, Call, Descriptor, Ended, Note
from grader.verdicts import StageFailure

ROOT = "/lab/disk"
_MADE = os.O_CREAT | os.O_RDWR


class Writer:
    """Makes the steps of a program that uses a disk."""

    def __init__(self, content: dict[str, bytes | None] | None = None) -> None:
        self.disk = Disk(ROOT, content or {})
        self._sizes: dict[str, int] = {}

    def does(self, call: Call) -> None:
        self.disk.take(Began(call))
        self.disk.take(Ended(call))

    def makes(self, name: str, flags: int = _MADE) -> None:
        made = self._descriptor(name)
        self.does(Call("openat", (0, 0, flags, 0, 0, 0), 1, result=3, made=made))

    def makes_folder(self, name: str) -> None:
        self.does(Call("mkdir", (0,) * 6, 1, paths=[f"{ROOT}/{name}"], result=0))

    def writes(self, name: str, data: bytes, flags: int = 0) -> None:
        at = self._sizes.get(name, 0)
        self._sizes[name] = at + len(data)
        to = self._descriptor(name, at, flags)
        self.does(Call("write", (3,) * 6, 1, descriptor=to, data=data, result=len(data)))

    def flushes(self, name: str, result: int = 0) -> None:
        self.does(Call("fsync", (3,) * 6, 1, descriptor=self._descriptor(name), result=result))

    def flushes_folder(self, name: str = "") -> None:
        at = f"{ROOT}/{name}" if name else ROOT
        to = Descriptor(0, 0, 1, 1, 0o040000, 0, at)
        self.does(Call("fsync", (3,) * 6, 1, descriptor=to, result=0))

    def renames(self, before: str, after: str) -> None:
        paths = [f"{ROOT}/{before}", f"{ROOT}/{after}"]
        self.does(Call("rename", (0,) * 6, 1, paths=paths, result=0))

    def cuts(self, name: str, size: int) -> None:
        to = self._descriptor(name)
        self.does(Call("ftruncate", (3, size, 0, 0, 0, 0), 1, descriptor=to, result=0))

    def _descriptor(self, name: str, at: int = 0, flags: int = 0) -> Descriptor:
        return Descriptor(at, flags, 1, hash(name), 0o100000, at, f"{ROOT}/{name}")

    def left(self) -> list[dict[str, bytes | None]]:
        return [dict(crash.content) for crash in self.disk.crashes()]


def test_a_write_is_cut_at_each_byte() -> None:
    one = Writer({"log": b"ab"})
    one._sizes["log"] = 2
    one.writes("log", b"cde")
    assert one.left() == [{"log": b"ab" + b"cde"[:count]} for count in (0, 1, 2, 3)]


def test_what_was_flushed_stays() -> None:
    one = Writer({"log": b""})
    one.writes("log", b"ab")
    one.flushes("log")
    one.writes("log", b"c")
    assert one.left() == [{"log": b"ab"}, {"log": b"abc"}]


def test_a_name_is_flushed_with_its_folder() -> None:
    one = Writer()
    one.makes("log")
    one.writes("log", b"a")
    one.flushes("log")
    assert dict(one.disk.flushed().content) == {}
    one.flushes_folder()
    assert one.left() == [{"log": b"a"}]


def test_a_folder_without_a_name_hides_what_is_in_it() -> None:
    one = Writer()
    one.makes_folder("raft-1")
    one.makes("raft-1/log")
    one.flushes_folder("raft-1")
    assert part(one.disk.flushed().content, "raft-1") is None
    one.flushes_folder()
    assert part(one.disk.flushed().content, "raft-1") == {"log": b""}


def test_a_rename_is_whole() -> None:
    one = Writer({"state": b"old"})
    one.makes("new")
    one.writes("new", b"x")
    one.flushes("new")
    one.renames("new", "state")
    assert one.left()[-1] == {"state": b"x"}
    assert {"state": b"old"} in one.left()


def test_a_failed_flush_is_not_made_good() -> None:
    one = Writer({"log": b""})
    one.writes("log", b"a")
    one.flushes("log", result=-5)
    one.flushes("log")
    assert dict(one.disk.flushed().content) == {"log": b""}


def test_a_write_with_o_dsync_is_flushed_when_it_returns() -> None:
    one = Writer({"log": b""})
    one.writes("log", b"a", os.O_DSYNC)
    assert one.disk.is_due
    assert one.left() == [{"log": b""}, {"log": b"a"}]
    one.disk.take(Note("the next step"))
    assert one.left() == [{"log": b"a"}]


def test_a_write_with_o_dsync_flushes_its_own_pages() -> None:
    one = Writer({"log": b""})
    one.writes("log", bytes(5000))
    one.writes("log", b"a", os.O_DSYNC)
    one.disk.take(Note("the next step"))
    assert dict(one.disk.flushed().content) == {"log": bytes(5000) + b"a"}
    assert [len(change.data) for change in one.disk.pending()] == [5000]


def test_a_flush_that_was_refused_has_lost_nothing() -> None:
    one = Writer({"log": b""})
    one.writes("log", b"a")
    one.flushes("log", result=-22)
    assert one.left() == [{"log": b""}, {"log": b"a"}]
    one.flushes("log")
    assert one.left() == [{"log": b"a"}]


def test_files_that_no_memory_holds_are_refused() -> None:
    one = Writer()
    one.makes("log")
    one.cuts("log", 1 << 29)
    with pytest.raises(StageFailure, match="1024 MiB"):
        one.cuts("log", 1 << 31)


def test_a_cut_is_a_change_like_others() -> None:
    one = Writer({"log": b"abc"})
    one.cuts("log", 1)
    assert one.left() == [{"log": b"abc"}, {"log": b"a"}]
    one.flushes("log")
    assert one.left() == [{"log": b"a"}]


def test_what_comes_from_nowhere_can_not_be_followed() -> None:
    one = Writer()
    one.writes("log", b"a")
    with pytest.raises(StageFailure, match="write to log"):
        one.disk.expect_followed(ROOT)
    one.disk.expect_followed(f"{ROOT}/another")


def test_a_bit_among_zeros_that_are_not_held() -> None:
    (data,) = compact({"log": b"ab" + bytes(1000)}).values()
    assert data == b"ab"
    assert size_of(data) == 1002
    for at, text in ((0, b"cb"), (500, b"ab" + bytes(498) + b"\2")):
        flipped = with_flipped(data, at, 1)
        assert flipped == text
        assert flipped.size == 1002
