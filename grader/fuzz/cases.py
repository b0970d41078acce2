"""Streams for the differential run: valid ones, and what random changes make of them. Each depends
on its seed and number alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from grader.run.random import Random
from grader.wire import messages, resp
from grader.wire.table import LAYOUTS, layout_of

REQUESTS, REPLIES, MESSAGES = "requests", "replies", "messages"
KINDS = (REQUESTS, REPLIES, MESSAGES)

_LENGTHS = (0, 0, 1, 1, 2, 3, 5, 8, 9, 10, 11, 40, 99, 100, 101, 300)
_TEXTS = (b"OK", b"", b"nil", b"ERROR", b"MOVED 3", b"\r", b"\n", b"a\rb\nc", b"\0")
_INTEGERS = (0, 1, -1, 9, 10, -10, 2**31, -(2**31), 2**63 - 1, -(2**63))
_FIELDS = (0, 1, 2, 7, 255, 256, 2**31 - 1)
_BAD_FIELDS = (-1, -(2**31), 2**31, 2**32 - 1)
_RESP_PARTS = (
    b"\r\n", b"\r", b"\n", b"*", b"$", b"+", b"-", b":", b"0", b"1", b"9", b"\0", b" ",
    b"*0\r\n", b"*1\r\n", b"$0\r\n\r\n", b"$1\r\n", b"-1\r\n", b":-0\r\n", b":01\r\n",
    b"*1048576\r\n", b"*1048577\r\n", b"$536870912\r\n", b"$536870913\r\n",
    b"18446744073709551616", b"9223372036854775807\r\n", b"9223372036854775808\r\n", b"1" * 32,
)  # fmt: skip
_MESSAGE_PARTS = (
    b"\0", b"\1", b"\2", b"\xff", b"\0\0\0\0", b"\1\0\0\0", b"\3\0\0\0", b"\5\0\0\0",
    b"\x10\0\0\0", b"\x15\0\0\0", b"\x1c\0\0\0", b"\0\0\0\1", b"\1\0\0\1", b"\xff\xff\xff\x7f",
    b"\0\0\0\x80", b"\xff\xff\xff\xff",
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    """``pieces`` is how the stream comes."""

    kind: str
    number: int
    pieces: tuple[bytes, ...]

    @property
    def stream(self) -> bytes:
        return b"".join(self.pieces)


def make(seed: int, number: int) -> Case:
    """A third of the streams is valid, but for where it ends."""
    random = Random("differential", seed, number)
    kind = KINDS[number % len(KINDS)]
    stream = b"".join(_MAKERS[kind](random) for _ in range(random.between(1, 4)))
    if random.below(3) > 0:
        parts = _MESSAGE_PARTS if kind == MESSAGES else _RESP_PARTS
        for _ in range(random.between(1, 3)):
            stream = _change(random, stream, parts)
    return Case(kind, number, tuple(_cut(random, stream)))


def _pick(random: Random, choices: tuple[int, ...]) -> int:
    return choices[random.below(len(choices))]


def _words(random: Random) -> list[bytes]:
    count = random.between(0, 12) if random.below(8) == 0 else random.between(0, 4)
    return [_bytes(random) for _ in range(count)]


def _bytes(random: Random) -> bytes:
    if random.below(4) == 0:
        return _TEXTS[random.below(len(_TEXTS))]
    return random.bytes(_pick(random, _LENGTHS))


def _request(random: Random) -> bytes:
    return resp.encode_request(_words(random))


def _reply(random: Random) -> bytes:
    which = random.below(4)
    if which == 0:
        return resp.encode_request(_words(random))
    if which == 1:
        number = random.next() if random.below(2) else _pick(random, _INTEGERS)
        return resp.encode_reply(number if number < 2**63 else number - 2**64)
    text = _bytes(random).replace(b"\r\n", b"\n")
    return resp.encode_reply(resp.Simple(text) if which == 2 else resp.Failure(text))


def _message(random: Random) -> bytes:
    """Of a random type; in one of eight a field may be any number."""
    layout = layout_of(1 + random.below(len(LAYOUTS)))
    wild = random.below(8) == 0
    values: dict[str, object] = {}
    for one in layout.fields:
        if one.unit == "count":
            continue
        if wild and random.below(4) == 0:
            values[one.name] = _pick(random, _BAD_FIELDS)
        elif one.unit == "flag":
            values[one.name] = random.below(2)
        else:
            large = random.below(2) == 0
            values[one.name] = random.below(2**31) if large else _pick(random, _FIELDS)
    if layout.entries:
        values["entries"] = tuple(
            messages.LogEntry(_pick(random, _FIELDS), _bytes(random))
            for _ in range(random.below(4))
        )
        if wild and random.below(2) == 0:
            values["entry_count"] = _pick(random, (*_FIELDS, *_BAD_FIELDS))
    return messages.encode(layout.name, values)


_MAKERS: dict[str, Callable[[Random], bytes]] = {
    REQUESTS: _request,
    REPLIES: _reply,
    MESSAGES: _message,
}


def _change(random: Random, stream: bytes, parts: tuple[bytes, ...]) -> bytes:
    """One change of bytes, at a random place."""
    at = random.below(len(stream) + 1)
    end = min(len(stream), at + random.between(1, 4))
    which = random.below(6)
    if which == 0:
        return stream[:at]
    if which == 1:
        return stream[:at] + stream[end:]
    if which == 2:
        return stream[:at] + bytes([random.below(256)]) + stream[at + 1 :]
    if which == 3:
        return stream[:at] + stream[at:end] + stream[at:]
    part = parts[random.below(len(parts))]
    return stream[:at] + part + stream[at + len(part) if which == 4 else at :]


def _cut(random: Random, stream: bytes) -> list[bytes]:
    """Whole, in random pieces, or byte by byte. A line is complete in the end: see differential."""
    longest = (len(stream) + 1, 40, 9, 1)[random.below(4)]
    pieces, at = [], 0
    for size in random.cuts(len(stream), longest):
        pieces.append(stream[at : at + size])
        at += size
    return pieces
