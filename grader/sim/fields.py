"""The messages of a run, each once, field by field: as ``make explain`` reads them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from grader.sim.family import Words
from grader.wire.annotate import Piece, Reading
from grader.wire.diff import hex_bytes
from grader.wire.walk import counted

_MOST_FIELDS = 80  # of a message
_MOST_BYTES = 32  # of a field

# A field: the place of its name in Messages.names, its offset, bytes, size and value.
Row: TypeAlias = tuple[int, int, str, int, str]


@dataclass
class Message:
    """Bytes that were sent, once or more. ``label`` is them in a few letters, ``says`` in a
    sentence; ``kind`` is that of ``words.kind``; ``fault`` says why they are no message.
    """

    title: str
    label: str
    kind: str
    says: str
    size: int
    rows: list[Row]
    fault: str


@dataclass
class Messages:
    """All of a run. ``names`` are those of fields, and what these mean."""

    words: Words
    messages: list[Message] = field(default_factory=list)
    names: list[tuple[str, str]] = field(default_factory=list)
    _places: dict[bytes, int] = field(default_factory=dict)
    _named: dict[tuple[str, str], int] = field(default_factory=dict)

    def place_of(self, data: bytes) -> int:
        """Its place among the messages."""
        place = self._places.setdefault(data, len(self.messages))
        if place == len(self.messages):
            self.messages.append(self._decoded(data))
        return place

    def _decoded(self, data: bytes) -> Message:
        reading = self.words.reading(data)
        fault = _fault(reading)
        title = "malformed message" if fault else reading.items[0].title
        rows = [self._row(piece) for piece in _pieces(reading, bool(fault))]
        words = self.words
        name, kind, says = words.name(data), words.kind(data), words.says(data)
        return Message(title, name, kind, says, len(data), rows, fault)

    def _row(self, piece: Piece) -> Row:
        name = self._named.setdefault((piece.path, piece.meaning), len(self.names))
        if name == len(self.names):
            self.names.append((piece.path, piece.meaning))
        shown = hex_bytes(piece.data[:_MOST_BYTES])
        return name, piece.offset, shown, len(piece.data), piece.value


def _fault(reading: Reading) -> str:
    if reading.fault is not None:
        return f"offset {reading.fault.offset}, {reading.fault.path}: {reading.fault.reason}"
    if reading.cut or not reading.items:
        return f"the bytes end within {reading.cut or 'the header'}"
    extra = len(reading.data) - reading.items[0].size
    return f"{counted(extra, 'byte')} too many after the message" if extra else ""


def _pieces(reading: Reading, wrong: bool) -> list[Piece]:
    """The fields of the message, as far as they can be read, and what is left."""
    pieces = reading.items[0].pieces if reading.items else []
    end = pieces[-1].end if pieces else 0
    shown = pieces[:_MOST_FIELDS]
    if len(pieces) > _MOST_FIELDS:
        more = counted(len(pieces) - _MOST_FIELDS, "more field")
        shown.append(Piece(f"… {more}", pieces[_MOST_FIELDS].offset, b"", ""))
    if wrong and end < len(reading.data):
        shown.append(Piece("not read", end, reading.data[end:], ""))
    return shown
