"""The figures of bytes in the handouts of labs 3 and 4, and a table beside each, made from the
table of the formats: ``python -m grader.figures_bytes --write``; a test holds the files against it.

A figure has eight bytes a row, each in its cell, under the name of the field that it belongs to.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap
from xml.sax.saxutils import escape

from grader.golden import MESSAGES
from grader.wire.annotate import REQUESTS as AS_REQUESTS
from grader.wire.annotate import Piece, read
from grader.wire.messages import encode
from grader.wire.resp import encode_request
from grader.wire.table import ENTRY, HEADER, LAYOUTS, Field

FOLDER = Path(__file__).resolve().parents[1] / "handouts" / "figures"
_ROW, _CELL, _LEFT, _TOP, _HIGH, _GAP = 8, 82, 64, 48, 52, 10
_WIDTH = 760
_NOTE = _ROW * _CELL // 7  # characters of a line below: no wider than the row, in any reader's font
_COLOURS = {
    "type": "grey", "bytes": "grey", "count": "grey", "term": "blue", "id": "green",
    "index": "amber", "flag": "red", "number": "empty",
}  # fmt: skip

_STYLE = """  <style>
    text { font-family: "Helvetica Neue", Arial, "DejaVu Sans", sans-serif; font-size: 14px; fill: #1f2430; }
    .small { font-size: 12.5px; fill: #525b69; }
    .tiny { font-size: 11px; }
    .code { font-family: "DejaVu Sans Mono", Menlo, Consolas, monospace; font-size: 13px; }
    .paper { fill: #ffffff; stroke: #d5dae1; }
    .grey { fill: #eef0f3; stroke: #7d8794; }
    .blue { fill: #e1ecfb; stroke: #2f6fc4; }
    .green { fill: #dff3e4; stroke: #2c8a4b; }
    .amber { fill: #fdf0d3; stroke: #a96f14; }
    .red { fill: #fde5e5; stroke: #c53030; }
    .empty { fill: none; stroke: #7d8794; }
    .thin { fill: none; stroke: #9aa3af; stroke-width: 1; }
    @media (prefers-color-scheme: dark) {
      text { fill: #e8ebf0; }
      .small { fill: #b3bcc9; }
      .paper { fill: #171a20; stroke: #39414d; }
      .grey { fill: #2a303a; stroke: #8f9aa9; }
      .blue { fill: #1c3152; stroke: #6ea8f0; }
      .green { fill: #173a26; stroke: #5fc482; }
      .amber { fill: #43330f; stroke: #e0b050; }
      .red { fill: #4a1f22; stroke: #f08a8a; }
      .empty { stroke: #8f9aa9; }
      .thin { stroke: #69737f; }
    }
  </style>"""  # noqa: E501


@dataclass(frozen=True)
class Box:
    """A field in a figure: its bytes start at ``offset``. ``colour`` names a class of the style."""

    label: str
    colour: str
    offset: int
    data: bytes
    type: str = ""
    meaning: str = ""
    is_text: bool = False


@dataclass(frozen=True)
class Figure:
    """A figure, the sentences below it, and where its offsets start."""

    name: str
    title: str
    boxes: tuple[Box, ...]
    notes: tuple[str, ...]

    @property
    def start(self) -> int:
        return self.boxes[0].offset

    @property
    def end(self) -> int:
        return self.boxes[-1].offset + len(self.boxes[-1].data)


def figures() -> list[Figure]:
    """All of them."""
    header, messages = _header(), [_message(number) for number in LAYOUTS]
    return [header, *messages, _entry(), _request()]


def _boxes(fields: tuple[Field, ...], data: bytes, at: int) -> Iterator[Box]:
    for one in fields:
        raw = data[at : at + one.size]
        meaning = one.meaning if one.unit in ("type", "bytes") else f"{one.unit}: {one.meaning}"
        yield Box(one.name, _COLOURS[one.unit], at, raw, one.type, meaning)
        at += one.size


def _example(number: int) -> tuple[str, bytes]:
    """The worked message of that type: of those without entries, the first."""
    for name, message in MESSAGES.items():
        data = encode(message)
        if data[0] == number:
            return name, data
    raise AssertionError(number)


def _header() -> Figure:
    name, data = _example(1)
    notes = (
        f"{name}.",
        "The least significant byte comes first: 10 00 00 00 is 16.",
        "payload_size counts what follows this header, not the header.",
    )
    return Figure("lab4-header", "The header of a message", tuple(_boxes(HEADER, data, 0)), notes)


def _message(number: int) -> Figure:
    layout = LAYOUTS[number]
    name, data = _example(number)
    article = "an" if layout.title[0] == "A" else "a"
    notes = [
        f"{name[0].upper()}{name[1:]}.",
        "Offsets count from the start of the message, whose header has 8 bytes.",
    ]
    if layout.entries:
        notes.append("The entries follow behind entry_count: here none.")
    elif layout.size % 4:
        notes.append(f"The payload has {layout.size} bytes: nothing is padded.")
    return Figure(
        f"lab4-{_file_name(layout.title)}",
        f"The payload of {article} {layout.title}",
        tuple(_boxes(layout.fields, data, 8)),
        tuple(notes),
    )


def _file_name(title: str) -> str:
    """As in "request-vote-response"."""
    words = title.replace("RequestVote", "request-vote").replace("AppendEntries", "append-entries")
    return words.replace(" request", "").replace(" ", "-")


def _entry() -> Figure:
    data = encode(list(MESSAGES.values())[3])[44:]
    boxes = list(_boxes(ENTRY, data, 0))
    boxes.append(Box("data", "empty", 8, data[8:], "", "so many bytes; here SET k v in RESP", True))
    notes = (
        "Offsets count from the entry's start. Its data is the client's request, byte for byte.",
        "The next entry, or the end of the message, follows at once.",
    )
    return Figure("lab4-entry", "A log entry", tuple(boxes), notes)


_RESP_COLOURS = {"type": "red", "count": "blue", "length": "blue", "data": "green"}


def _request() -> Figure:
    data = encode_request([b"GET", b"CS06142"])
    pieces = [piece for _, piece in read(data, AS_REQUESTS).pieces()]
    boxes = tuple(map(_resp_box, pieces))
    notes = (
        "GET CS06142.",
        "A number is decimal text, and every line ends in CR LF (0d 0a); the data has as many "
        "bytes as its length says, and CR LF after it, which the length does not count.",
    )
    return Figure("lab3-request", "A request in RESP", boxes, notes)


def _resp_box(piece: Piece) -> Box:
    name = piece.name.partition(" ")[0]
    meaning = piece.value or ("ends the line" if "after" not in piece.name else "ends the data")
    where = piece.path.rpartition(": ")[0]
    text = f"{where}: {meaning}" if where else meaning
    return Box(name, _RESP_COLOURS.get(name, "grey"), piece.offset, piece.data, "", text, True)


# --- drawing ---


def draw(figure: Figure) -> str:
    """The figure as SVG, with a description for those who can't see it."""
    first = figure.start - figure.start % _ROW
    rows = (figure.end - first + _ROW - 1) // _ROW
    bottom = _TOP + rows * (_HIGH + _GAP)
    notes = [line for note in figure.notes for line in wrap(note, _NOTE)]
    height = bottom + 18 * len(notes) + 14
    words = "; ".join(_described(box) for box in figure.boxes)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" '
        f'width="{_WIDTH}" height="{height}" role="img" aria-labelledby="title desc">',
        f'  <title id="title">{escape(figure.title)}</title>',
        f'  <desc id="desc">{escape(words)}.</desc>',
        _STYLE,
        f'  <rect class="paper" x="0.5" y="0.5" width="{_WIDTH - 1}" height="{height - 1}" '
        'rx="8"/>',
        _text(_LEFT - 10, 34, "offset", "small", "end"),
        *(_text(_x(at), 34, f"+{at}", "small", "middle", _CELL / 2) for at in range(_ROW)),
        *(
            _text(_LEFT - 10, _y(row) + 36, str(first + row * _ROW), "code", "end")
            for row in range(rows)
        ),
    ]
    for box in figure.boxes:
        lines += _drawn(box, first)
    for number, note in enumerate(notes):
        lines.append(_text(_LEFT, bottom + 14 + 18 * number, note, "small"))
    return "\n".join([*lines, "</svg>"]) + "\n"


def _described(box: Box) -> str:
    end = box.offset + len(box.data) - 1
    span = f"byte {box.offset}" if end == box.offset else f"bytes {box.offset} to {end}"
    return f"{span}: {box.label}, {box.data.hex(' ')}"


def _x(at: int) -> int:
    return _LEFT + at * _CELL


def _y(row: int) -> int:
    return _TOP + row * (_HIGH + _GAP)


def _text(
    x: float, y: float, text: str, kind: str = "", anchor: str = "start", shift: float = 0
) -> str:
    style = f' class="{kind}"' if kind else ""
    where = f' text-anchor="{anchor}"' if anchor != "start" else ""
    return f'  <text{style} x="{x + shift:g}" y="{y:g}"{where}>{escape(text)}</text>'


def _drawn(box: Box, first: int) -> Iterator[str]:
    """The field's rectangles, one a row that it touches, its name, and its bytes."""
    at, end = box.offset - first, box.offset - first + len(box.data)
    continued = False
    while at < end:
        row, column = divmod(at, _ROW)
        count = min(end - at, _ROW - column)
        x, y = _x(column), _y(row)
        yield (
            f'  <rect class="{box.colour}" x="{x}" y="{y}" width="{count * _CELL}" '
            f'height="{_HIGH}"/>'
        )
        label, size = _label(box, count, continued)
        yield _text(x, y + 20, label, size, "middle", count * _CELL / 2)
        for one in range(count):
            raw = box.data[at + one - (box.offset - first)]
            yield _text(x + one * _CELL, y + 42, _cell(box, raw), "code", "middle", _CELL / 2)
        at += count
        continued = True


def _cell(box: Box, raw: int) -> str:
    """The byte; as a character too, where the format is text."""
    return f"{raw:02x} {chr(raw)}" if box.is_text and 0x20 < raw < 0x7F else f"{raw:02x}"


def _label(box: Box, cells: int, continued: bool) -> tuple[str, str]:
    """The name, as far as there is room for it, and the class of its text."""
    name = f"… {box.label}" if continued else box.label
    with_type = f"{box.type} {name}" if box.type and not continued else name
    for text, kind, width in (
        (with_type, "", 7.6), (name, "", 7.6), (name, "small", 6.9), (name, "tiny", 6.1),
    ):  # fmt: skip
        if len(text) * width <= cells * _CELL - 6:
            return text, kind
    return "…", ""


# --- the table beside ---


def table(figure: Figure) -> str:
    """The same for reading: a table in Markdown."""
    typed = any(box.type for box in figure.boxes)
    head = ["offset", "size", *(["type"] if typed else []), "field", "bytes here", "what it says"]
    rows = [head, ["---"] * len(head)]
    for box in figure.boxes:
        size = str(len(box.data)) if box.label != "data" or not typed else "length"
        kind = [box.type] if typed else []
        raw = box.data.hex(" ") if len(box.data) <= 9 else box.data[:8].hex(" ") + " …"
        rows.append([str(box.offset), size, *kind, f"`{box.label}`", f"`{raw}`", box.meaning or ""])
    return "\n".join("| " + " | ".join(row) + " |" for row in rows) + "\n"


def files() -> dict[str, str]:
    """The names of the files, and what belongs into them."""
    made = figures()
    return {f"{figure.name}.svg": draw(figure) for figure in made} | {
        f"{figure.name}.txt": table(figure) for figure in made
    }


if __name__ == "__main__" and sys.argv[1:] == ["--write"]:
    for file, text in files().items():
        (FOLDER / file).write_text(text, encoding="utf-8")
