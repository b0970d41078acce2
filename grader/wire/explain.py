"""Readings as plain text: bytes explained field by field, and two byte strings side by side."""

from __future__ import annotations

from dataclasses import dataclass, replace

from grader.wire.annotate import (
    FRAMES,
    MESSAGES,
    Fault,
    Item,
    Piece,
    Reading,
    field_named,
    piece_of,
    quoted,
    read,
)
from grader.wire.diff import first_difference, hex_bytes
from grader.wire.walk import Part, counted

_ROW = 8  # bytes a line
_MOST_ROWS = 4  # of one field
_MOST_ITEMS = 100
_MOST_FIELDS = 400  # of one item
_AROUND = 2  # fields shown before and after a difference
_CELL = 8  # bytes of a field in a table of two columns


def explain(data: bytes, kind: str) -> list[str]:
    """The lines that say what these bytes are, field by field, up to the first wrong byte. ``kind``
    as ``annotate.read`` takes it.
    """
    reading = read(data, kind)
    lines = []
    for number, item in enumerate(reading.items[:_MOST_ITEMS], 1):
        last = number == len(reading.items)
        lines += [*_item(item, number, reading.fault if last else None, reading), ""]
    if not reading.items and reading.fault:
        lines += _fault(reading.fault, reading, _columns([]))
    if len(reading.items) > _MOST_ITEMS:
        lines += [f"… {counted(len(reading.items) - _MOST_ITEMS, 'more item')}", ""]
    return [*lines, *_ending(reading)]


def _item(item: Item, number: int, fault: Fault | None, reading: Reading) -> list[str]:
    columns = _columns(item.pieces)
    size = f", {counted(item.size, 'byte')}" if fault is None and item.size else ""
    lines = [f"{number}. {item.title}{size}", _line("offset", "bytes", "field", "value", columns)]
    joined = _joined(item.pieces)
    for piece in joined[:_MOST_FIELDS]:
        lines += _rows(piece, columns)
    if len(joined) > _MOST_FIELDS:
        lines.append(
            _line("", f"… {counted(len(joined) - _MOST_FIELDS, 'more field')}", "", "", columns)
        )
    if fault is not None:
        lines += _fault(fault, reading, columns)
    return lines


def _joined(pieces: list[Piece]) -> list[Piece]:
    """CR and LF as one."""
    joined: list[Piece] = []
    for piece in pieces:
        if piece.name.startswith("LF") and joined and joined[-1].name.startswith("CR"):
            last = joined[-1]
            path = last.path.replace("CR", "CR LF")
            joined[-1] = replace(last, path=path, data=last.data + piece.data)
        else:
            joined.append(piece)
    return joined


def _columns(pieces: list[Piece]) -> tuple[int, int, int]:
    """The widths of bytes, field and value."""
    joined = _joined(pieces)
    longest = max((len(piece.data) for piece in joined), default=4)
    names = max((len(piece.path) for piece in joined), default=0)
    values = max((len(piece.value) for piece in joined if piece.meaning), default=0)
    return 3 * max(4, min(_ROW, longest)) - 1, max(12, names), max(7, values)


def _line(offset: str, raw: str, name: str, value: str, columns: tuple[int, int, int]) -> str:
    return f"{offset:>8}  {raw:<{columns[0]}}  {name:<{columns[1]}}  {value}".rstrip()


def _rows(piece: Piece, columns: tuple[int, int, int]) -> list[str]:
    value = piece.value
    if piece.meaning:
        value = f"{value:<{columns[2]}}  {piece.meaning}"
    shown = [piece.data[at : at + _ROW] for at in range(0, len(piece.data), _ROW)] or [b""]
    lines = [_line(f"{piece.offset:,}", hex_bytes(shown[0]), piece.path, value, columns)]
    for number, raw in enumerate(shown[1:_MOST_ROWS], 1):
        lines.append(_line(f"{piece.offset + number * _ROW:,}", hex_bytes(raw), "", "", columns))
    if len(shown) > _MOST_ROWS:
        left = len(piece.data) - _MOST_ROWS * _ROW
        lines.append(_line("", f"… {counted(left, 'more byte')}", "", "", columns))
    return lines


def _fault(fault: Fault, reading: Reading, columns: tuple[int, int, int]) -> list[str]:
    """The wrong field, as far as it came, with a caret under its first wrong byte."""
    start = min(reading.read, fault.offset)
    has_fields = reading.kind in (MESSAGES, FRAMES)
    about = field_named(fault.path.rpartition(": ")[2]) if has_fields else None
    end = start + about.size if about else fault.offset + 1
    raw = reading.data[start:end]
    if len(raw) > _ROW:
        start = fault.offset
        raw = reading.data[start:end]
    value = ""
    if about is not None and len(raw) == about.size:
        value = piece_of(Part(fault.path, start, raw, about.unpack(raw), about)).value
    caret = " " * (8 + 2 + 3 * (fault.offset - start)) + "^^"
    left = len(reading.data) - start - len(raw)
    return [
        _line(f"{start:,}", hex_bytes(raw), fault.path, value, columns),
        f"{caret} wrong: {fault.reason}",
        *(
            [f"          {counted(left, 'more byte')}: no boundary there can be trusted"]
            if left
            else []
        ),
    ]


def _ending(reading: Reading) -> list[str]:
    if reading.fault is not None:
        return []
    if reading.cut:
        start, left = reading.read, len(reading.data) - reading.read
        there = f", of which {counted(left, 'byte')} came" if left else ""
        shown = f": {hex_bytes(reading.data[start : start + _ROW])}" if left else ""
        more = " …" if left > _ROW else ""
        return [
            f"All is well so far, but the bytes end within {reading.cut} at offset {start:,}"
            f"{there}{shown}{more}."
        ]
    what = reading.items[0].title if len(reading.items) == 1 else reading.kind
    return [f"All is well: {counted(len(reading.data), 'byte')}, {len(reading.items)} {what}."]


# --- expected and received ---


@dataclass(frozen=True)
class Spot:
    """The field that holds the first difference, and what it says in both."""

    path: str
    offset: int
    expected: str
    received: str


def spot(expected: bytes, received: bytes, kind: str) -> Spot | None:
    """Where the two first differ, by name; None where they are equal. ``expected`` is right."""
    rows, at = _table(expected, received, kind)
    return None if at is None else rows[at]


def side_by_side(expected: bytes, received: bytes, kind: str) -> list[str]:
    """The fields around the first difference: offset, name, bytes and values of both. The wrong one
    is marked.
    """
    rows, at = _table(expected, received, kind)
    if at is None:
        return []
    first = max(0, at - _AROUND)
    shown = [Spot("field", -1, "expected", "received"), *rows[first : at + _AROUND + 1]]
    names = max(len(row.path) for row in shown)
    cells = max(len(row.expected) for row in shown)
    lines = []
    for number, row in enumerate(shown, first - 1):
        mark = ">" if number == at else " "
        offset = "offset" if row.offset < 0 else f"{row.offset:,}"
        cell = f"{row.path:<{names}}  {row.expected:<{cells}}  {row.received}"
        lines.append(f"{mark} {offset:>8}  {cell}".rstrip())
    return lines


def _table(expected: bytes, received: bytes, kind: str) -> tuple[list[Spot], int | None]:
    """Every field of what was expected beside what came, and the row of the first difference."""
    at = first_difference(expected, received)
    right, came = read(expected, kind), read(received, kind)
    theirs = {(number, piece.path): piece for number, piece in came.pieces()}
    rows: list[Spot] = []
    wrong: int | None = None
    many = len(right.items) > 1
    for number, piece in right.pieces():
        if at is not None and wrong is None and at < piece.end:
            wrong = len(rows)
        title = f"{right.items[number].title} {number + 1}: " if many else ""
        cell = _cell(theirs.get((number, piece.path)) or _slot(piece, received, kind))
        rows.append(Spot(title + piece.path, piece.offset, _cell(piece), cell))
    if at is not None and wrong is None:
        wrong = len(rows)
        extra = Piece("after the end", at, received[at:], quoted(received[at:]))
        rows.append(Spot(extra.path, at, "nothing", _cell(extra)))
    return rows, wrong


def _slot(piece: Piece, received: bytes, kind: str) -> Piece | None:
    """What came at the place where that field should be."""
    raw = received[piece.offset : piece.end]
    if not raw:
        return None
    about = field_named(piece.name) if kind in (MESSAGES, "message") else None
    if about is not None and len(raw) == about.size:
        return piece_of(Part(piece.path, piece.offset, raw, about.unpack(raw), about))
    return Piece(piece.path, piece.offset, raw, quoted(raw))


def _cell(piece: Piece | None) -> str:
    if piece is None:
        return "nothing came"
    raw = hex_bytes(piece.data[:_CELL]) + (" …" if len(piece.data) > _CELL else "")
    return f"{raw}  {piece.value}".strip()
