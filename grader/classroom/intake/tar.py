"""Reading a tar archive as a stream: ustar, with the long names of pax and of GNU tar
(POSIX.1-2017, pax: "ustar Interchange Format"; GNU tar manual: "Basic Tar Format").

Python's own module is not used, since hostile headers stop it: it searches attributes of any size
in quadratic time (CVE-2024-6232), and follows sizes below 0 for ever (CVE-2025-8194). Here headers
are bounded in size and number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from grader.classroom.intake.bounds import ENTRIES, HEADER_BYTES
from grader.classroom.intake.harvest import Damaged, Member, TooMuch

_BLOCK = 512
_RECORDS = 100  # in one header; tar(1) writes about ten
_HEADERS = 3 * ENTRIES  # a file has up to three, for a long name, a link, and the file
_CHUNK = 64 << 10
_KINDS = {
    b"1": "a hard link",
    b"2": "a link",
    b"3": "a device",
    b"4": "a device",
    b"6": "a FIFO",
}

_WITHOUT_BODY = b"123456"  # whatever their size says

# Gives at most so many bytes, and none at the end.
Source = Callable[[int], bytes]


@dataclass
class _Stream:
    """Exactly so many bytes at a time."""

    source: Source
    left: int = 0  # of the member that was begun, with its padding
    headers: int = 0

    def take(self, size: int) -> bytes:
        parts = []
        while size > 0:
            part = self.source(min(size, _CHUNK))
            if not part:
                raise Damaged("it ends too early")
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def skip(self) -> None:
        """Goes to the next header."""
        while self.left > 0:
            self.left -= len(self.take(min(self.left, _CHUNK)))

    def header(self) -> bytes:
        """The next header; none at the end of the archive."""
        self.skip()
        self.headers += 1
        if self.headers > _HEADERS:
            raise TooMuch(f"it holds more than {_HEADERS} headers")
        first = self.source(1)
        block = first + self.take(_BLOCK - 1) if first else b""
        return block if block.strip(b"\0") else b""

    def begin(self, size: int) -> None:
        self.left = -(-size // _BLOCK) * _BLOCK

    def body(self, size: int, most: int) -> bytes:
        data = self.take(min(size, most + 1, self.left))
        self.left -= len(data)
        return data


def members(source: Source) -> Iterator[Member]:
    """What is in the archive, in its order; a member can be read until the next one is asked for.

    Raises Damaged or TooMuch.
    """
    stream = _Stream(source)
    told: dict[str, str] = {}
    while header := stream.header():
        size, kind = _size(header), header[156:157]
        stream.begin(size)
        if kind in b"LxKg":
            told |= _told(kind, _small(stream, size))
            continue
        size = _decimal(told["size"]) if "size" in told else size
        stream.begin(0 if kind in _WITHOUT_BODY else size)
        odd = "a file with holes" if "sparse" in told else _odd(kind)
        name = told.get("path") or _name(header)
        is_folder = kind == b"5" or name.endswith("/")
        yield Member(name, odd, is_folder, partial(stream.body, size))
        told = {}
    while source(_CHUNK):  # to the end, where the checksum of the compressed stream is
        pass


def _odd(kind: bytes) -> str:
    return "" if kind in (b"0", b"\0", b"5", b"7") else _KINDS.get(kind, "no plain file")


def _small(stream: _Stream, size: int) -> bytes:
    if size > HEADER_BYTES:
        raise Damaged("a header in it is too large")
    return stream.body(size, size)


def _told(kind: bytes, data: bytes) -> dict[str, str]:
    """What a header says of the member after it."""
    if kind == b"L":
        return {"path": _text(data.rstrip(b"\0"))}
    return _attributes(data) if kind == b"x" else {}


def _attributes(data: bytes) -> dict[str, str]:
    """Records such as ``24 path=lab3-resp/resp.c`` and a newline; the number counts the record."""
    told: dict[str, str] = {}
    for _ in range(_RECORDS):
        if not data:
            return told
        digits, _, _ = data[:12].partition(b" ")
        size = _decimal(_text(digits))
        name, equals, value = data[len(digits) + 1 : size - 1].partition(b"=")
        if not equals or data[size - 1 : size] != b"\n":
            raise Damaged("a header in it makes no sense")
        if name in (b"path", b"size"):
            told[name.decode()] = _text(value)
        if name.startswith(b"GNU.sparse"):
            told["sparse"] = "yes"
        data = data[size:]
    raise Damaged("a header in it is too large")


def _name(header: bytes) -> str:
    name = header[:100].partition(b"\0")[0]
    prefix = header[345:500].partition(b"\0")[0] if header[257:263] == b"ustar\0" else b""
    return _text(prefix + b"/" + name if prefix else name)


def _size(header: bytes) -> int:
    """Of the member; the header's checksum is looked at first."""
    bare = header[:148] + b" " * 8 + header[156:]
    if sum(bare) != _octal(header[148:156]):
        raise Damaged("it is no tar archive, or damaged")
    if header[124] & 0x80:  # GNU tar's form for more than 8 GiB
        raise Damaged("a file in it is too large")
    return _octal(header[124:136])


def _octal(field: bytes) -> int:
    digits = field.strip(b" \0")
    if digits.strip(b"01234567"):
        raise Damaged("it is no tar archive, or damaged")
    return int(digits or b"0", 8)


def _decimal(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 12:
        raise Damaged("a header in it makes no sense")
    return int(text)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")
