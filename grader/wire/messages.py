"""Raft's messages as bytes, both ways. ``grader/wire/table.py`` is the table that says how."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from grader.wire.table import (
    BY_NAME,
    ENTRY,
    ENTRY_SIZE,
    HEADER,
    HEADER_SIZE,
    INT32_MAX,
    LARGEST_PAYLOAD,
    LAYOUTS,
    AppendEntries,
    AppendEntriesReply,
    LogEntry,
    Message,
    RequestVote,
    RequestVoteReply,
    layout_of,
)
from grader.wire.walk import Malformed, counted, walk

__all__ = [
    "BY_NAME",
    "HEADER_SIZE",
    "INT32_MAX",
    "LARGEST_PAYLOAD",
    "LAYOUTS",
    "AppendEntries",
    "AppendEntriesReply",
    "Decoder",
    "LogEntry",
    "Malformed",
    "Message",
    "RequestVote",
    "RequestVoteReply",
    "decode",
    "encode",
]

_HEADER = struct.Struct("<" + "".join(one.code for one in HEADER))
_ENTRY = struct.Struct("<" + "".join(one.code for one in ENTRY))


def encode(what: int | str | Message, values: Mapping[str, Any] | None = None) -> bytes:
    """The bytes of a message; or of a type (its number or name) and values by name, right or wrong:
    numbers wrap around at their width, and ``type``, ``payload_size``, ``entry_count`` and an
    entry's ``length`` may be given to be other than they should.
    """
    layout = layout_of(what)
    if values is None:
        values = {one.name: getattr(what, one.name) for one in fields(layout.make)}  # type: ignore[arg-type]
    given = dict(values)
    head = {name: given.pop(name, None) for name in ("type", "payload_size")}
    tail = b""
    if layout.entries:
        entries = given.pop("entries", ())
        given.setdefault("entry_count", len(entries))
        tail = b"".join(map(_encode_entry, entries))
    if given.keys() != {one.name for one in layout.fields}:
        raise TypeError(f"a {layout.name} has other fields than {', '.join(given)}")
    payload = b"".join(one.pack(given[one.name]) for one in layout.fields) + tail
    right = {"type": layout.number, "payload_size": len(payload)}
    chosen = {name: right[name] if value is None else value for name, value in head.items()}
    return b"".join(one.pack(chosen[one.name]) for one in HEADER) + payload


def _encode_entry(entry: LogEntry | Mapping[str, Any]) -> bytes:
    if isinstance(entry, LogEntry):
        entry = {"term": entry.term, "data": entry.data}
    data: bytes = entry["data"]
    return ENTRY[0].pack(entry["term"]) + ENTRY[1].pack(entry.get("length", len(data))) + data


def decode(data: bytes) -> Message:
    """The one message that these bytes are. Raises Malformed."""
    made = _decode_at(data, 0)
    if made is None:
        cut = _fault_or_cut(data, 0)
        raise Malformed(len(data), cut, "the bytes end here, and the message does not")
    message, end = made
    if end < len(data):
        raise Malformed(end, "after the message", counted(len(data) - end, "byte") + " too many")
    return message


class Decoder:
    """Messages out of a stream that is cut anywhere. ``offset`` counts the bytes of complete
    messages from the stream's start. A fault sticks; one in an entry is told once the message is
    complete, others as soon as they can be seen.
    """

    def __init__(self) -> None:
        self.offset = 0
        self._buffer = b""
        self._missing = 0  # bytes of the message at hand, as far as its header is known
        self._pieces: list[bytes] = []
        self._fault: Malformed | None = None

    @property
    def pending(self) -> int:
        """Bytes of a message that is not complete yet."""
        return len(self._buffer) + sum(map(len, self._pieces))

    def feed(self, data: bytes) -> list[Message]:
        """The messages that are complete now. Raises Malformed."""
        if self._fault is not None:
            raise self._fault
        self._pieces.append(data)
        self._missing -= len(data)
        if self._missing > 0:
            return []
        window, self._pieces = b"".join([self._buffer, *self._pieces]), []
        done: list[Message] = []
        start = 0
        while (made := _decode_at(window, start)) is not None:
            message, start = made
            done.append(message)
        self._keep(window, start, done)
        return done

    def _keep(self, window: bytes, start: int, done: list[Message]) -> None:
        """Keeps the beginning of a message for later, unless it is wrong already."""
        rest = window[start : start + _BEGINNING]
        try:
            _fault_or_cut(rest if _missing(window[start:]) > 0 else window[start:], 0)
        except Malformed as fault:
            place = self.offset + start + fault.offset
            self._fault = Malformed(place, fault.field, fault.reason)
            self._fault.before = done
            raise self._fault from None
        self.offset += start
        self._buffer = window[start:]
        self._missing = _missing(self._buffer)


_BEGINNING = HEADER_SIZE + max(layout.size for layout in LAYOUTS.values())  # without entries


def _missing(beginning: bytes) -> int:
    """How many bytes have to come before there is anything new to judge."""
    if len(beginning) < _BEGINNING:
        return 0
    return HEADER_SIZE + int(_HEADER.unpack_from(beginning)[1]) - len(beginning)


def _fault_or_cut(data: bytes, start: int) -> str:
    """The path of the field that is cut; raises Malformed where one is wrong."""
    steps = walk(data, start)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return str(end.value)


def _decode_at(data: bytes, start: int) -> tuple[Message, int] | None:
    """The message that starts there, and the offset behind it; None where it is wrong or not all
    there. This only finds out whether all is right, quickly; what is wrong, ``walk`` knows.
    """
    payload = start + HEADER_SIZE
    if len(data) < payload:
        return None
    number, size = _HEADER.unpack_from(data, start)
    layout, end = LAYOUTS.get(number), payload + size
    if layout is None or not layout.size <= size <= LARGEST_PAYLOAD or len(data) < end:
        return None
    values = layout.code.unpack_from(data, payload)
    if min(values) < 0 or any(values[at] > 1 for at in layout.flags):
        return None
    if not layout.entries:
        return (layout.make(*values), end) if size == layout.size else None
    entries = _entries(data, payload + layout.size, end, values[-1])
    return None if entries is None else (layout.make(*values[:-1], entries), end)


def _entries(data: bytes, at: int, end: int, count: int) -> tuple[LogEntry, ...] | None:
    """So many entries, which take exactly the bytes up to ``end``; None if they do not."""
    entries: list[LogEntry] = []
    while len(entries) < count and at + ENTRY_SIZE <= end:
        term, size = _ENTRY.unpack_from(data, at)
        at += ENTRY_SIZE + size
        if term < 0 or at > end:
            return None
        entries.append(LogEntry(term, data[at - size : at]))
    return tuple(entries) if len(entries) == count and at == end else None
