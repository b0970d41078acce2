"""Bytes of any format field by field: where each one starts, its bytes, its name, what it says;
up to the first byte that is wrong. As a tree, as plain text, and as two such columns side by side.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from grader.wire import resp, rpc
from grader.wire.table import ENTRY, HEADER, LAYOUTS, Field
from grader.wire.walk import Malformed, Part, Walk, counted, walk

RESP, MESSAGE, RPC = "resp", "message", "rpc"
REQUESTS, REPLIES, MESSAGES, FRAMES = "requests", "replies", "messages", "RPC frames"
_FIELDS = {
    one.name: one
    for group in (HEADER, ENTRY, *(layout.fields for layout in LAYOUTS.values()), rpc.FIELDS)
    for one in group
}
_SHOWN = 48  # bytes of data that are written out


@dataclass(frozen=True)
class Piece:
    """A field: ``path`` is unique within its item, as in "entry 2: length"; ``value`` is what it
    says, decoded.
    """

    path: str
    offset: int
    data: bytes
    value: str
    meaning: str = ""

    @property
    def name(self) -> str:
        return self.path.rpartition(": ")[2]

    @property
    def end(self) -> int:
        return self.offset + len(self.data)


@dataclass(frozen=True)
class Fault:
    """The first byte that is wrong, and why."""

    path: str
    offset: int
    reason: str


@dataclass
class Item:
    """One request, reply or message."""

    title: str
    offset: int
    pieces: list[Piece] = field(default_factory=list)

    @property
    def size(self) -> int:
        return self.pieces[-1].end - self.offset if self.pieces else 0


@dataclass
class Reading:
    """All that could be read. After a ``fault`` nothing is. ``cut`` is the path of the field within
    which the bytes end, "" if they end where an item does.
    """

    kind: str
    data: bytes
    items: list[Item] = field(default_factory=list)
    fault: Fault | None = None
    cut: str = ""

    def pieces(self) -> Iterator[tuple[int, Piece]]:
        """Every piece, with the number of its item."""
        for number, item in enumerate(self.items):
            for piece in item.pieces:
                yield number, piece

    @property
    def read(self) -> int:
        """The offset up to which all is well."""
        return max((piece.end for _, piece in self.pieces()), default=0)


@dataclass(frozen=True)
class Node:
    """The same as a tree: items, within them words or entries, within them fields."""

    name: str
    offset: int
    data: bytes
    value: str
    children: tuple[Node, ...] = ()


def format_of(data: bytes) -> str:
    """RESP starts with a type byte or, sent by mistake, with other text; a message with a small
    number in four bytes; a frame of RPC with one of 64 or more.
    """
    if data[:1] and 0x20 <= data[0] < 0x7F and data[1:4] != bytes(3):
        return RESP
    return RPC if rpc.is_likely(data) else MESSAGE


def read(data: bytes, kind: str) -> Reading:
    """``kind`` is REQUESTS, REPLIES, MESSAGES, FRAMES, or RESP for whichever of the first two
    fits.
    """
    if kind in (MESSAGE, MESSAGES):
        return _read_messages(data, MESSAGES, walk, _title)
    if kind in (RPC, FRAMES):
        return _read_messages(data, FRAMES, rpc.walk, rpc.title)
    if kind == RESP:
        requests, replies = _read_resp(data, REQUESTS), _read_resp(data, REPLIES)
        return replies if replies.read > requests.read else requests
    return _read_resp(data, kind)


# --- messages, and frames of RPC ---


def _read_messages(
    data: bytes,
    kind: str,
    steps_of: Callable[[bytes, int], Walk],
    title_of: Callable[[list[Part]], str],
) -> Reading:
    reading = Reading(kind, data)
    start = 0
    while start < len(data) and not reading.fault and not reading.cut:
        item = Item(kind.removesuffix("s"), start)
        reading.items.append(item)
        steps, parts = steps_of(data, start), []
        try:
            while True:
                parts.append(next(steps))
                item.pieces.append(piece_of(parts[-1]))
                item.title = title_of(parts)
        except StopIteration as end:
            reading.cut = str(end.value)
        except Malformed as fault:
            reading.fault = Fault(fault.field, fault.offset, fault.reason)
        start = item.offset + item.size
    return reading


def _title(parts: list[Part]) -> str:
    return LAYOUTS[int(parts[0].value)].title


def piece_of(part: Part) -> Piece:
    """What the field says."""
    about = part.about
    meaning = ""
    if about is not None and about.unit != "type":
        meaning = about.meaning if about.unit == "bytes" else f"{about.unit}: {about.meaning}"
    return Piece(part.path, part.offset, part.data, _value(part), meaning)


def _value(part: Part) -> str:
    about, value = part.about, part.value
    if isinstance(value, bytes):
        return _of_data(value) if part.path.endswith(": data") else quoted(value)
    assert about is not None
    if about.unit == "type":
        known = LAYOUTS.get(value) or rpc.PROCEDURES.get(value)
        return f"{value}: {known.title}" if known else str(value)
    if about.unit == "bytes":
        return counted(value, "byte")
    return str(value)


def _of_data(data: bytes) -> str:
    """The data of an entry: the command, where it is one."""
    if not data:
        return "none: the entry is empty"
    try:
        requests = resp.Decoder().feed(data)
    except resp.ProtocolError:
        requests = []
    if len(requests) == 1 and resp.encode_request(requests[0]) == data:
        return "RESP: " + " ".join(quoted(word) for word in requests[0])
    return quoted(data)


# --- RESP ---

_TYPES = {
    b"*": "an array",
    b"$": "a bulk string",
    b"+": "a simple string",
    b"-": "an error",
    b":": "an integer",
}


def _read_resp(data: bytes, kind: str) -> Reading:
    reading = Reading(kind, data)
    noted: list[Piece] = []

    def note(path: str, offset: int, raw: bytes) -> None:
        noted.append(Piece(path, offset, raw, _resp_value(path, raw)))

    decoder: resp.Decoder | resp.ReplyDecoder
    decoder = resp.Decoder(note) if kind == REQUESTS else resp.ReplyDecoder(note)
    try:
        decoder.feed(data)
    except resp.ProtocolError as fault:
        reading.fault = Fault(fault.field, fault.offset, fault.reason)
    for piece in noted:
        if piece.path == "type":
            title = "request" if kind == REQUESTS else "reply"
            reading.items.append(Item(title, piece.offset))
        reading.items[-1].pieces.append(piece)
    if reading.fault is None and decoder.pending:
        reading.cut = decoder.due
    return reading


def _resp_value(path: str, raw: bytes) -> str:
    name = path.rpartition(": ")[2]
    if name == "type":
        return f"'{raw.decode()}': {_TYPES[raw]}"
    if name == "count":
        return counted(int(raw), "word")
    if name == "length":
        return counted(int(raw), "byte")
    if name == "integer":
        return str(int(raw))
    return quoted(raw) if name in ("data", "text") else ""


def quoted(data: bytes) -> str:
    """Bytes as text in quotes, with escapes, cut where it is long."""
    text = repr(data[:_SHOWN])[1:]
    inner = text[1:-1].replace('"', '\\"') if text[0] == "'" else text[1:-1]
    return f'"{inner}"' + ("…" if len(data) > _SHOWN else "")


def field_named(name: str) -> Field | None:
    """A field of the table, by its name without a path."""
    return _FIELDS.get(name)


# --- the tree ---


def tree(reading: Reading) -> list[Node]:
    """The items as nested fields, with offset, bytes and decoded value each."""
    return [
        Node(
            item.title,
            item.offset,
            reading.data[item.offset : item.offset + item.size],
            "",
            _children(item.pieces, ""),
        )
        for item in reading.items
    ]


def _children(pieces: list[Piece], prefix: str) -> tuple[Node, ...]:
    nodes = []
    groups: dict[str, list[Piece]] = {}
    for piece in pieces:
        groups.setdefault(piece.path[len(prefix) :].partition(": ")[0], []).append(piece)
    for name, group in groups.items():
        if group[0].path == prefix + name:
            piece = group[0]
            nodes.append(Node(name, piece.offset, piece.data, piece.value))
        else:
            inner = _children(group, f"{prefix}{name}: ")
            raw = b"".join(piece.data for piece in group)
            nodes.append(Node(name, group[0].offset, raw, "", inner))
    return tuple(nodes)
