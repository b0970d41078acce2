"""CSV that a spreadsheet opens as data. Numbers stay numbers, and no text becomes a formula.

OWASP, CSV Injection: a cell that begins with ``=``, ``+``, ``-``, ``@``, a tab or a line's end, in
full width too, is run. So an apostrophe goes before it; all text is quoted. It may also begin after
a comma, semicolon or tab within the text, for whoever opens the file with another separator.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from decimal import Decimal

from grader.report.escape import visible

Cell = str | int | Decimal | None

_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
_FORMULA = re.compile(r"(?:^|(?<=[,;|\t\n]))(?=[\s\"'`]*[=+\-@＝＋－＠])")


def rows(table: Iterable[Sequence[Cell]]) -> str:
    """The table as CSV in UTF-8, a line a row. None is an empty cell."""
    file = io.StringIO()
    writer = csv.writer(file, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
    writer.writerows([_cell(value) for value in row] for row in table)
    return file.getvalue()


def defused(text: str) -> str:
    """The text in one line, without anything that a spreadsheet would run."""
    line = visible(text, keep="")
    return line if _NUMBER.fullmatch(line) else _FORMULA.sub("'", line)


def plain(value: Decimal) -> Decimal:
    """The same number as people write it: without an exponent or zeros at the end."""
    whole = value.to_integral_value()
    return whole.quantize(Decimal(1)) if value == whole else value.normalize()


def _cell(value: Cell) -> str | int | Decimal:
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return plain(value)
    return defused(value) if isinstance(value, str) else value
