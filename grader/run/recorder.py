"""The system calls of a program that change what is stored, or send: recorder.c writes them down,
and this reads them.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from grader.errors import MachineError

_HEAD = struct.Struct("<I")
_CONTENT, _SPAN, _FILE = struct.Struct("<QQQB"), struct.Struct("<4Q"), struct.Struct("<2Q")
_RULES = 4096  # bytes before the first frame: for how many rules were made, and the last one
_NO_DATA = b""


@dataclass(frozen=True)
class Descriptor:
    """What a descriptor was when a call used it: where the next write goes, the flags of open(2),
    and the file, by device and number and by the name that it has at that moment.
    """

    position: int
    flags: int
    device: int
    number: int
    mode: int
    size: int
    name: str


@dataclass(frozen=True)
class FileContent:
    """What is in a file from ``at`` on; ``is_end``: and no more."""

    device: int
    number: int
    at: int
    is_end: bool
    data: bytes


@dataclass(frozen=True)
class Span:
    """Whole pages of a file, from ``start`` to ``end``."""

    device: int
    number: int
    start: int
    end: int


@dataclass(eq=False)
class Call:
    """A system call. ``result`` is None until it has ended, and stays so where the program was
    killed in it.
    """

    name: str
    args: tuple[int, ...]
    thread: int
    descriptor: Descriptor | None = None
    paths: list[str] = field(default_factory=list)
    target: tuple[int, int] = (0, 0)  # of a link: device and number of the file
    data: bytes = _NO_DATA
    result: int | None = None
    made: Descriptor | None = None  # by an open
    contents: list[FileContent] = field(default_factory=list)  # of what it flushes, or changes
    spans: list[Span] = field(default_factory=list)  # that an msync is about


@dataclass(frozen=True)
class Began:
    """A call begins."""

    call: Call


@dataclass(frozen=True)
class Ended:
    """A call has ended, and its result is known."""

    call: Call


@dataclass(frozen=True)
class Note:
    """What the program says of itself: a job begins, or ends."""

    text: str


Step = Began | Ended | Note


class Recorder:
    """The record of one program: pass it to Attempt.start. ``program`` is the built recorder."""

    def __init__(self, program: Path) -> None:
        self.program = program
        self._file = os.memfd_create("record")
        os.ftruncate(self._file, _RULES)
        os.lseek(self._file, _RULES, os.SEEK_SET)
        self._at, self._rules = _RULES, 0
        self._open: dict[int, Call] = {}  # by thread

    def fileno(self) -> int:
        return self._file

    def close(self) -> None:
        os.close(self._file)

    def rule(self, text: str) -> None:
        """Holds from the program's next call on: recorder_rules.c. It must be waiting now."""
        self._rules += 1
        os.pwrite(self._file, text.encode() + b"\0", _HEAD.size)
        os.pwrite(self._file, _HEAD.pack(self._rules), 0)

    def steps(self) -> Iterator[Step]:
        """What was recorded since this was called last, in order. Raises MachineError where
        nothing can be recorded.
        """
        while frame := self._frame():
            kind, thread = chr(frame[0]), int.from_bytes(frame[1:5], "little")
            yield self._step(kind, thread, list(_pieces(frame, 5)))

    def _frame(self) -> bytes:
        """The next one; empty if it is not whole yet."""
        head = os.pread(self._file, _HEAD.size, self._at)
        if len(head) < _HEAD.size:
            return b""
        size = _HEAD.unpack(head)[0]
        frame = os.pread(self._file, size, self._at + _HEAD.size)
        if len(frame) < size:
            return b""
        self._at += _HEAD.size + size
        return frame

    def _step(self, kind: str, thread: int, pieces: list[tuple[str, bytes]]) -> Step:
        if kind == "F":
            raise MachineError(f"system calls can't be recorded here: {pieces[0][1].decode()}")
        if kind == "N":
            return Note(pieces[0][1].decode(errors="replace"))
        if kind == "E":
            call = self._open[thread] = _call(thread, pieces)
            return Began(call)
        call = self._open.pop(thread)
        for tag, data in pieces:
            if tag == "r":
                call.result = int.from_bytes(data, "little", signed=True)
            elif tag == "f":
                call.made = _descriptor(data)
            elif tag == "m":
                call.contents.append(_content(data))
        return Ended(call)


def _pieces(frame: bytes, at: int) -> Iterator[tuple[str, bytes]]:
    while at < len(frame):
        size = _HEAD.unpack_from(frame, at + 1)[0]
        start = at + 1 + _HEAD.size
        yield chr(frame[at]), frame[start : start + size]
        at = start + size


def _call(thread: int, pieces: list[tuple[str, bytes]]) -> Call:
    call = Call("", (), thread)
    data = []
    for tag, piece in pieces:
        if tag == "c":
            call.name = piece.decode()
        elif tag == "a":
            call.args = struct.unpack("<6Q", piece)
        elif tag == "f":
            call.descriptor = _descriptor(piece)
        elif tag == "p":
            call.paths.append(os.fsdecode(piece))
        elif tag == "t":
            call.target = _FILE.unpack(piece)
        elif tag == "d":
            data.append(piece)
        elif tag == "z":
            data.append(bytes(int.from_bytes(piece, "little")))
        elif tag == "m":
            call.contents.append(_content(piece))
        elif tag == "s":
            call.spans.append(Span(*_SPAN.unpack(piece)))
    call.data = b"".join(data)
    return call


def _descriptor(piece: bytes) -> Descriptor:
    _, *numbers, name = os.fsdecode(piece).split(" ", 7)
    position, flags, device, number, mode, size = map(int, numbers)
    return Descriptor(position, flags, device, number, mode, size, name)


def _content(piece: bytes) -> FileContent:
    device, number, at, is_end = _CONTENT.unpack_from(piece)
    return FileContent(device, number, at, bool(is_end), piece[_CONTENT.size :])
