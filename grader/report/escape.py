"""Making output of unknown programs safe to show: it is data, never control."""

from __future__ import annotations

import re
import unicodedata

# Cc: control, Cf: format (bidirectional overrides, zero width), Co: private use, Cs: surrogates,
# Cn: unassigned,
# Zl, Zp: line and paragraph separators.
_UNSAFE = {"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"}


def _escape(char: str) -> str:
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is not UTF-8, as surrogateescape keeps it
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def visible(data: bytes | str, keep: str = "\n\t") -> str:
    """Text that is safe in a terminal, XML, HTML and JSON: controls, odd format characters and
    bytes that are not UTF-8 become ``\\x1b`` and the like; only the characters in ``keep`` stay. CR
    LF counts as LF where LF is kept.
    """
    text = data.decode("utf-8", "surrogateescape") if isinstance(data, bytes) else data
    if "\n" in keep:
        text = text.replace("\r\n", "\n")
    return "".join(
        c if c in keep or unicodedata.category(c) not in _UNSAFE else _escape(c) for c in text
    )


def tail(text: str, lines: int, columns: int = 200) -> str:
    """The last ``lines`` lines, each cut to ``columns`` characters, with a note of what was left
    out.
    """
    rows = text.rstrip("\n").split("\n") if text.strip() else []
    kept = [row if len(row) <= columns else row[: columns - 1] + "…" for row in rows[-lines:]]
    left_out = len(rows) - len(kept)
    return "\n".join([f"… {left_out} earlier lines", *kept] if left_out > 0 else kept)


def one_line(data: bytes | str, columns: int = 120) -> str:
    """Like ``visible``, as one line of at most ``columns`` characters."""
    text = re.sub(r"\\x0a", r"\\n", visible(data, keep=""))
    return text if len(text) <= columns else text[: columns - 1] + "…"
