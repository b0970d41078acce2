"""A message field by field, which is where every fault in one gets its place and its words."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, TypeAlias

from grader.wire.table import (
    ENTRY,
    ENTRY_SIZE,
    HEADER,
    LARGEST_PAYLOAD,
    LAYOUTS,
    Field,
    Layout,
    Message,
)


class Malformed(Exception):
    """The ``field`` (its path, such as "entry 2: length") at ``offset`` is wrong: no continuation
    makes a message of it. ``before`` has the messages that the same piece completed before it.
    """

    def __init__(self, offset: int, field: str, reason: str) -> None:
        super().__init__(f"offset {offset}, {field}: {reason}")
        self.offset, self.field, self.reason = offset, field, reason
        self.before: list[Message] = []


@dataclass(frozen=True)
class Part:
    """A field as it came: its path, its place, its bytes, and its value. ``about`` is None for data
    of any size.
    """

    path: str
    offset: int
    data: bytes
    value: int | bytes
    about: Field | None


def counted(number: int, what: str) -> str:
    """As in "1 byte", "2,000 bytes"."""
    return f"{number:,} {what}" + ("" if number == 1 else "s")


# Yields parts; returns the path of the field within which the bytes end, "" where none is cut.
Walk: TypeAlias = Generator[Part, None, str]
_Entry: TypeAlias = Generator[Part, None, tuple[str, int]]  # and the offset behind the entry


def walk(data: bytes, offset: int = 0) -> Walk:
    """The fields of the message that starts at ``offset``, as far as they are there. Raises
    Malformed at the first one that is wrong, as early as that can be seen.
    """
    values: list[int] = []
    for about in HEADER:
        part = take_field(data, offset, about, "")
        if part is None:
            return about.name
        fault = _header_fault(about, part.value, values)
        if fault:
            raise Malformed(offset, about.name, fault)
        yield part
        values.append(int(part.value))
        offset += about.size
    return (yield from _payload(data, offset, LAYOUTS[values[0]], values[1]))


def take_field(data: bytes, offset: int, about: Field, where: str) -> Part | None:
    """The field that starts there; None where it is cut. ``where`` is its path up to its name."""
    raw = bytes(data[offset : offset + about.size])
    if len(raw) < about.size:
        return None
    return Part(where + about.name, offset, raw, about.unpack(raw), about)


def _header_fault(about: Field, value: Any, before: list[int]) -> str:
    if about.name == "type":
        known = ", ".join(f"{one.number} {one.title}" for one in LAYOUTS.values())
        return "" if value in LAYOUTS else f"there is no type {value} (known: {known})"
    layout = LAYOUTS[before[0]]
    if not layout.entries and value != layout.size:
        return f"the payload of type {layout.number} has {layout.size} bytes, not {value:,}"
    if value < layout.size:
        return f"the payload of type {layout.number} has at least {layout.size} bytes, not {value}"
    if layout.size < value < layout.size + ENTRY_SIZE:
        return (
            f"{layout.size} bytes are no entries, {value} are too few for one: it has {ENTRY_SIZE}"
        )
    if value > LARGEST_PAYLOAD:
        return f"{value:,} bytes are more than the limit of {LARGEST_PAYLOAD:,}"
    return ""


def _payload(data: bytes, offset: int, layout: Layout, left: int) -> Walk:
    value = 0
    for about in layout.fields:
        part = take_field(data, offset, about, "")
        if part is None:
            return about.name
        left -= about.size
        value = int(part.value)
        fault = about.fault(value) or (_room_fault(value, left) if about.unit == "count" else "")
        if fault:
            raise Malformed(offset, about.name, fault)
        yield part
        offset += about.size
    return (yield from _entries(data, offset, value, left)) if layout.entries else ""


def _entries(data: bytes, offset: int, count: int, left: int) -> Walk:
    for number in range(1, count + 1):
        start = offset
        cut, offset = yield from _entry(data, offset, f"entry {number}: ", count - number, left)
        if cut:
            return cut
        left -= offset - start
    return ""


def _entry(data: bytes, offset: int, where: str, more: int, left: int) -> _Entry:
    """One entry, with ``more`` to come after it, in a payload that has ``left`` bytes left."""
    term = take_field(data, offset, ENTRY[0], where)
    if term is None:
        return where + ENTRY[0].name, offset
    fault = ENTRY[0].fault(int(term.value))
    if fault:
        raise Malformed(offset, term.path, fault)
    yield term
    length = take_field(data, offset + ENTRY[0].size, ENTRY[1], where)
    if length is None:
        return where + ENTRY[1].name, offset
    size, left = int(length.value), left - ENTRY_SIZE
    fault = f"the payload has only {counted(left, 'byte')} left" if size > left else ""
    fault = fault or _room_fault(more, left - size)
    if fault:
        raise Malformed(length.offset, length.path, fault)
    yield length
    start = offset + ENTRY_SIZE
    raw = bytes(data[start : start + size])
    if len(raw) < size:
        return where + "data", offset
    yield Part(where + "data", start, raw, raw, None)
    return "", start + size


def _room_fault(count: int, left: int) -> str:
    """Whether ``left`` bytes can be ``count`` entries that are to come."""
    if count == 0 and left > 0:
        return f"no entry comes after this, yet the payload has {counted(left, 'more byte')}"
    if count * ENTRY_SIZE > left:
        return (
            f"{count:,} more {'entry is' if count == 1 else 'entries are'} due, of {ENTRY_SIZE} "
            f"bytes or more, and the payload has {left:,} left"
        )
    return ""
