"""One self-contained page for one lab or several. It needs no script and no network, and its policy
allows neither.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from grader.report.escape import visible
from grader.report.model import ByteDiff, LabResult, Points, StageResult
from grader.report.sections import cards, has_card, points_of, sections, tally
from grader.verdicts import Verdict
from grader.wire.diff import ROW, ascii_bytes

_HERE = Path(__file__).resolve().parent
STYLE = _HERE / "report.css"
_TONES = {Verdict.PASS: "pass", Verdict.SKIPPED: "skipped", Verdict.GRADER_ERROR: "error"}
_GAP = 0.35  # between the pieces of the bar, in points


def render(
    results: list[LabResult],
    *,
    title: str = "",
    facts: Sequence[tuple[str, str]] = (),
    bonus: bool = False,
) -> str:
    """The page as HTML. ``title`` stands in place of the points; ``facts`` are names and texts that
    stand below it. With ``bonus``, points of extensions count, too.
    """
    return document(
        environment(_HERE).get_template("report.html.jinja"),
        STYLE,
        results=results,
        title=title or _title(results),
        facts=facts,
        bonus=bonus,
    )


def document(template: Template, style: Path, **values: Any) -> str:
    """A page from a template that extends ``page.html.jinja``. The reports' style and then the
    other one are its only resource, and the policy names them by their hash.
    """
    sheets = dict.fromkeys((STYLE, style))
    text = "".join(sheet.read_text(encoding="utf-8") for sheet in sheets)
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    return template.render(style=Markup(text), policy=policy, **values)


@cache  # compiling the templates takes longer than filling them
def environment(*folders: Path) -> Environment:
    """For templates in those folders: whatever they show is made visible, and escaped."""
    made = Environment(
        loader=FileSystemLoader([*folders, _HERE]),
        autoescape=True,
        finalize=_safe,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    functions = (bar, byte_rows, cards, has_card, points_of, sections, tally, tone)
    made.globals.update({function.__name__: function for function in functions})
    return made


def _safe(value: Any) -> Any:
    """Every value that the page shows passes here: text keeps no control character, and is then
    escaped as HTML; points have no zeros at the end.
    """
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _title(results: list[LabResult]) -> str:
    points, most = (
        sum(result.points for result in results),
        sum(result.max_points for result in results),
    )
    labs = f"Lab {results[0].lab}" if len(results) == 1 else f"{len(results)} labs"
    return f"{labs}: {points} of {most} points"


def tone(verdict: Verdict) -> str:
    """The class of a verdict's colours: pass, fail, skipped or error."""
    return _TONES.get(verdict, "fail")


@dataclass(frozen=True)
class Piece:
    """A stage's part of the bar, in points."""

    start: Points
    width: float
    tone: str


def bar(stages: list[StageResult]) -> list[Piece]:
    """The bar of the score: a piece for each stage, as wide as its points, in order."""
    pieces: list[Piece] = []
    start: Points = 0
    for stage in stages:
        pieces.append(Piece(start, max(float(stage.max_points) - _GAP, 0.1), tone(stage.verdict)))
        start += stage.max_points
    return pieces


@dataclass(frozen=True)
class ByteRow:
    """One line of the table of bytes. ``wrong`` is the column of the first wrong byte, or -1."""

    offset: str
    expected: list[str]
    received: list[str]
    expected_text: str
    received_text: str
    wrong: int


def byte_rows(diff: ByteDiff) -> Iterator[ByteRow]:
    """The table of bytes, sixteen a row; a row always has all its columns."""
    expected, received = bytes.fromhex(diff.expected), bytes.fromhex(diff.received)
    for at in range(0, max(len(expected), len(received)), ROW):
        wanted, came = expected[at : at + ROW], received[at : at + ROW]
        wrong = diff.offset - diff.start - at
        yield ByteRow(
            f"{diff.start + at:08x}",
            _cells(wanted),
            _cells(came),
            ascii_bytes(wanted),
            ascii_bytes(came),
            wrong if 0 <= wrong < ROW else -1,
        )


def _cells(data: bytes) -> list[str]:
    return [f"{byte:02x}" for byte in data] + [""] * (ROW - len(data))
