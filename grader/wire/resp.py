"""The client protocol, simplified RESP, in both directions: a strict decoder of requests and of
replies that takes bytes in pieces of any size, and the encoders.

A fault is told at the first byte after which no continuation could be right, with the name of the
field that this byte belongs to.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

from grader.wire.diff import byte_name

MOST_WORDS = 1 << 20
LONGEST_WORD = 512 << 20
LARGEST_REQUEST = 1 << 30
LONGEST_LINE = 32  # of a length: the type byte counts, CR LF does not

DEEPEST = 32  # arrays in arrays, in RESP2
RESP3_TYPES = "%~=!_#,("  # that RESP2 does not have

CR, LF = 0x0D, 0x0A
_LENGTH = re.compile(rb"(0|[1-9][0-9]{0,9})\r\n")
_INTEGER = re.compile(rb"0|-?[1-9][0-9]*")

# Told of each field: its path, such as "word 2: length", the offset of its first byte, its bytes.
Note: TypeAlias = Callable[[str, int, bytes], None]


@dataclass(frozen=True)
class Simple:
    """``+text``: what stands between the type byte and CR LF."""

    text: bytes


@dataclass(frozen=True)
class Failure:
    """``-text``."""

    text: bytes


# bytes, None and nested lists only come with the RESP2 extension. A map of RESP3 is a list, too, of
# keys and values by turns.
Reply: TypeAlias = "Simple | Failure | int | bytes | list[Reply] | None"
Request: TypeAlias = list[bytes]
_Item = TypeVar("_Item")
_Made = TypeVar("_Made")
_Steps: TypeAlias = Generator[None, None, _Made]


class ProtocolError(Exception):
    """The byte at ``offset`` of the stream breaks the framing. ``field`` is the path of the field
    that it stands in, ``before`` what the same piece completed before it.
    """

    def __init__(self, offset: int, reason: str, field: str = "") -> None:
        super().__init__(f"offset {offset}, {field}: {reason}")
        self.offset, self.reason, self.field = offset, reason, field
        self.before: list[Any] = []


def encode_request(words: Iterable[bytes]) -> bytes:
    """An array of bulk strings; as a reply, it looks the same."""
    words = list(words)
    bulks = [b"$%d\r\n%b\r\n" % (len(word), word) for word in words]
    return b"*%d\r\n" % len(words) + b"".join(bulks)


def encode_reply(value: Reply) -> bytes:
    """The bytes of a reply; those that only RESP2 knows too."""
    match value:
        case Simple(text):
            return b"+" + text + b"\r\n"
        case Failure(text):
            return b"-" + text + b"\r\n"
        case None:
            return b"$-1\r\n"
        case int():
            return b":%d\r\n" % value
        case bytes():
            return b"$%d\r\n%b\r\n" % (len(value), value)
    return b"*%d\r\n" % len(value) + b"".join(map(encode_reply, value))


class _Stream(ABC, Generic[_Item]):
    """Bytes in, items out. ``offset`` counts the bytes of complete items from the stream's start. A
    fault sticks.
    """

    def __init__(self, note: Note | None = None) -> None:
        self.offset = 0
        self._buffer = bytearray()
        self._at = 0  # the next byte of the buffer
        self._base = 0  # the offset in the stream of the buffer's first byte
        self._note = note
        self._fault: ProtocolError | None = None
        self._steps = self._item()
        self.due = ""  # the path of the field within which the bytes end

    @property
    def pending(self) -> int:
        """Bytes of an item that is not complete yet."""
        return self._base + len(self._buffer) - self.offset

    def feed(self, data: bytes) -> list[_Item]:
        """The items that are complete now. Raises ProtocolError."""
        if self._fault is not None:
            raise self._fault
        self._buffer += data
        done: list[_Item] = []
        try:
            while self._advance(done):
                pass
        except ProtocolError as fault:
            fault.before, self._fault = list(done), fault
            raise
        self._base += self._at
        del self._buffer[: self._at]
        self._at = 0
        return done

    def _advance(self, done: list[_Item]) -> bool:
        """Goes on until an item is complete, or (False) until more bytes are needed."""
        try:
            next(self._steps)
            return False
        except StopIteration as made:
            done.append(made.value)
        self.offset = self._base + self._at
        self._steps = self._item()
        return True

    @abstractmethod
    def _item(self) -> _Steps[_Item]:
        """Reads one item, and yields while bytes are missing."""

    def _take(self, path: str, size: int) -> bytes:
        data = bytes(self._buffer[self._at : self._at + size])
        if self._note is not None:
            self._note(path, self._base + self._at, data)
        self._at += size
        return data

    def _wrong(self, path: str, reason: str, ahead: int = 0) -> ProtocolError:
        return ProtocolError(self._base + self._at + ahead, reason, path)

    def _came(self, ahead: int = 0) -> str:
        return f"{byte_name(self._buffer[self._at + ahead])} came"

    def _need(self, size: int, path: str) -> _Steps[None]:
        while len(self._buffer) - self._at < size:
            self.due = path
            yield

    def _expect(self, byte: int, path: str) -> _Steps[None]:
        yield from self._need(1, path)
        if self._buffer[self._at] != byte:
            raise self._wrong(path, f"{byte_name(byte)} is due here, {self._came()}")
        self._take(path, 1)

    def _type(self, known: str, where: str) -> _Steps[str]:
        yield from self._need(1, where + "type")
        if self._buffer[self._at] not in known.encode():
            due = " or ".join(f"'{kind}'" for kind in known)
            raise self._wrong(where + "type", f"{due} is due here, {self._came()}")
        return self._take(where + "type", 1).decode()

    def _length(self, path: str, most: int, where: str) -> _Steps[int]:
        """Digits and CR LF. One look where all is there; else byte by byte, to find the first wrong
        one.
        """
        there = _LENGTH.match(self._buffer, self._at)
        if there is not None and int(there[1]) <= most:
            size = len(there[1])
        else:
            size = yield from self._digits(where + path, most)
        value = int(self._take(where + path, size))
        yield from self._expect(CR, where + "CR")
        yield from self._expect(LF, where + "LF")
        return value

    def _digits(self, path: str, most: int) -> _Steps[int]:
        """How many there are before CR."""
        size = 0
        while True:
            yield from self._need(size + 1, path)
            byte = self._buffer[self._at + size]
            if byte == CR and size > 0:
                return size
            if not 0x30 <= byte <= 0x39:
                due = "a digit" if size == 0 else "a digit or CR"
                raise self._wrong(path, f"{due} is due here, {self._came(size)}", size)
            if self._buffer[self._at] == 0x30 and size > 0:
                raise self._wrong(path, "a digit after a leading zero", size)
            size += 1
            if int(self._buffer[self._at : self._at + size]) > most:
                raise self._wrong(path, f"more than the limit of {most:,}", size - 1)

    def _data(self, size: int, where: str) -> _Steps[bytes]:
        yield from self._need(size, where + "data")
        data = self._take(where + "data", size)
        yield from self._expect(CR, where + "CR after the data")
        yield from self._expect(LF, where + "LF after the data")
        return data


class Decoder(_Stream[Request]):
    """Requests: arrays of bulk strings. ``largest`` is the limit of a whole request in bytes."""

    def __init__(self, note: Note | None = None, largest: int = LARGEST_REQUEST) -> None:
        super().__init__(note)
        self._largest = largest

    def _item(self) -> _Steps[Request]:
        yield from self._type("*", "")
        count = yield from self._length("count", MOST_WORDS, "")
        words = []
        for number in range(1, count + 1):
            where = f"word {number}: "
            yield from self._type("$", where)
            at = self._base + self._at
            size = yield from self._length("length", LONGEST_WORD, where)
            if self._base + self._at + size + 2 - self.offset > self._largest:
                words_about = f"the request grows beyond its limit of {self._largest:,} bytes"
                raise ProtocolError(at, words_about, where + "length")
            words.append((yield from self._data(size, where)))
        return words


class ReplyDecoder(_Stream[Reply]):
    """Replies; with ``resp2`` also bulk strings, nulls and nested arrays, as Redis has them; with
    ``resp3`` also what a client may get that has asked for RESP3.
    """

    def __init__(self, note: Note | None = None, resp2: bool = False, resp3: bool = False) -> None:
        super().__init__(note)
        self._resp2 = resp2 or resp3
        self._known = "+-:*" + ("$" if self._resp2 else "") + (RESP3_TYPES if resp3 else "")

    def _item(self) -> _Steps[Reply]:
        return (yield from self._reply("", self._known))

    def _reply(self, where: str, known: str) -> _Steps[Reply]:
        kind = yield from self._type(known, where)
        if kind in "+-":
            text = yield from self._text(where)
            return Simple(text) if kind == "+" else Failure(text)
        if kind == ":":
            return (yield from self._integer(where))
        if kind in "_#,(":
            text = yield from self._text(where)
            return Simple(text) if kind != "_" else None
        if self._resp2 and (yield from self._is_null(where)):
            return None
        if kind in "$=!":
            size = yield from self._length("length", LONGEST_WORD, where)
            return (yield from self._data(size, where))
        if where.count(":") == DEEPEST:
            raise self._wrong(where + "count", f"arrays in arrays more than {DEEPEST} deep", -1)
        count = yield from self._length("count", MOST_WORDS, where)
        elements: list[Reply] = []
        for number in range(1, count * (2 if kind == "%" else 1) + 1):
            path = f"{where}element {number}: "
            elements.append((yield from self._reply(path, self._known if self._resp2 else "$")))
        return elements

    def _is_null(self, where: str) -> _Steps[bool]:
        yield from self._need(1, where + "length")
        if self._buffer[self._at] != ord("-"):
            return False
        for byte, name in zip(b"-1\r\n", ("null", "null", "CR", "LF"), strict=True):
            yield from self._expect(byte, where + name)
        return True

    def _text(self, where: str, name: str = "text") -> _Steps[bytes]:
        """Up to the first CR LF."""
        seen = self._at
        while (end := self._buffer.find(b"\r\n", seen)) < 0:
            seen = max(self._at, len(self._buffer) - 1) - self._at
            self.due = where + name
            yield
            seen += self._at
        text = self._take(where + name, end - self._at)
        yield from self._expect(CR, where + "CR")
        yield from self._expect(LF, where + "LF")
        return text

    def _integer(self, where: str) -> _Steps[int]:
        """Signed, 64 bits, written in one way only: no "+1", "-0" or "01"."""
        size, path = 0, where + "integer"
        while True:
            yield from self._need(size + 1, path)
            here = bytes(self._buffer[self._at : self._at + size + 1])
            if here[-1] == CR and size > (here[0] == ord("-")):
                break
            if here != b"-" and _INTEGER.fullmatch(here) is None:
                raise self._wrong(path, self._no_integer(here), size)
            if here != b"-" and not -(1 << 63) <= int(here) < 1 << 63:
                raise self._wrong(path, "more than 64 bits with a sign can hold", size)
            size += 1
        value = int(self._take(path, size))
        yield from self._expect(CR, where + "CR")
        yield from self._expect(LF, where + "LF")
        return value

    def _no_integer(self, here: bytes) -> str:
        """Why its last byte is wrong, where those before it were right."""
        if here == b"-0":
            return "-0 is not canonical: zero is written 0"
        if here[-1:].isdigit():
            return "a digit after a leading zero"
        due = "a digit or CR" if here[:-1].strip(b"-") else "a digit"
        return f"{due} is due here, {self._came(len(here) - 1)}"
