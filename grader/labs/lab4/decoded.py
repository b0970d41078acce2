"""Messages as the structs of message.h have them, on their way to and from message_driver."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from grader.verdicts import Diagnosis, StageFailure, fail
from grader.wire import guess
from grader.wire.diff import difference
from grader.wire.messages import encode
from grader.wire.table import LAYOUTS, Message, layout_of

UNTOUCHED = 0xEEEEEEEE  # what the driver's variables hold before a call


@dataclass(frozen=True)
class Decoded:
    """A message as the student's structs have it: ``values`` in the order of message.h."""

    size: int
    type: int
    values: tuple[int, ...]
    entries: tuple[tuple[int, bytes], ...] = ()


def fields_of(message: Message) -> Decoded:
    """What a decoder should find."""
    layout = layout_of(message)
    entries = tuple((one.term, one.data) for one in getattr(message, "entries", ()))
    names = [one.name for one in layout.fields]
    values = tuple(
        len(entries) if name == "entry_count" else getattr(message, name) for name in names
    )
    return Decoded(len(encode(message)), layout.number, values, entries)


def packed(what: Decoded, hollow: Sequence[int] = ()) -> bytes:
    """For a job of the driver; ``hollow``: sizes of entries that have no data."""
    data = struct.pack(f"<I{len(what.values)}q", what.type, *what.values)
    entries = [struct.pack("<qI", term, len(its)) + its for term, its in what.entries]
    return data + b"".join([*entries, *(struct.pack("<qI", 1, size) for size in hollow)])


def unpacked(answer: bytes, at: int) -> tuple[Decoded, int]:
    """A message in an answer of the driver, and the place behind it."""
    size, kind = struct.unpack_from("<II", answer, at)
    if kind not in LAYOUTS:
        says = "holds what was in memory before" if kind == UNTOUCHED else f"is {kind}"
        fail(
            f"MESSAGE_DONE, and message->type {says}",
            Diagnosis("field", "the type is the header's first field, and is given back with it"),
        )
    layout = LAYOUTS[kind]
    form = struct.Struct(f"<{len(layout.fields)}q")
    values = form.unpack_from(answer, at + 8)
    at += 8 + form.size
    entries = []
    for _ in range(values[-1] if layout.entries else 0):
        term, length = struct.unpack_from("<qI", answer, at)
        entries.append((term, answer[at + 12 : at + 12 + length]))
        at += 12 + length
    return Decoded(size, kind, values, tuple(entries)), at


def expect_fields(found: Decoded, wanted: Decoded, number: int) -> None:
    """The ``number``-th message is as it was sent."""
    layout = LAYOUTS[wanted.type]
    if found.type != wanted.type:
        fail(
            f"message {number} is of type {wanted.type}, and decodes as {found.type}",
            Diagnosis("field", "the type is the header's first field"),
        )
    names = [about.name for about in layout.fields]
    right, came = (dict(zip(names, what.values, strict=True)) for what in (wanted, found))
    if right != came:
        name = next(name for name in names if right[name] != came[name])
        fail(
            f"message {number}, {name}: {right[name]} is sent, and {came[name]} decoded",
            guess.values(right, came)
            or Diagnosis("field", f"{name} is read from other bytes than its own"),
        )
    for at, (entry, sent) in enumerate(zip(found.entries, wanted.entries, strict=True)):
        if entry[0] != sent[0]:
            fail(
                f"message {number}, entry {at + 1}: term {sent[0]} is sent, and {entry[0]} decoded",
                Diagnosis("entry-term", "term, length, data: entry after entry"),
            )
        bytes_differ = difference(sent[1], entry[1], "the entry's data ends")
        if bytes_differ is not None:
            raise StageFailure(
                f"message {number}: the data of entry {at + 1} differs",
                difference=bytes_differ,
                diagnosis=Diagnosis("entry-data", "the data is as it came, byte for byte"),
            )
    if found.size != wanted.size:
        fail(
            f"message {number} takes {wanted.size} bytes, and *size says {found.size}",
            Diagnosis("size", "the header counts too"),
        )
