"""What programs print, and what a sanitizer or valgrind says in it."""

from __future__ import annotations

import re

from grader.report import escape

_KEEP = 64 * 1024
_REPORT = re.compile(
    rb"==\d+==\s*ERROR: (?:Address|Leak)Sanitizer|WARNING: ThreadSanitizer"
    rb"|AddressSanitizer:DEADLYSIGNAL|^[^\n]{1,400}: runtime error: "
    rb"|^==\d+== (?:Invalid|Conditional jump|Use of|Syscall param|Source and dest|Mismatched)",
    re.MULTILINE,
)
_REPORT_END = re.compile(rb"^Shadow bytes around|^==\d+==ABORTING", re.MULTILINE)


class Output:
    """What a program printed: its first and last 64 KiB are kept, the rest is read and counted."""

    def __init__(self) -> None:
        self.head = bytearray()
        self.tail = bytearray()
        self.size = 0

    def add(self, data: bytes) -> None:
        self.size += len(data)
        room = _KEEP - len(self.head)
        self.head += data[: max(0, room)]
        self.tail += data[max(0, room) :]
        del self.tail[:-_KEEP]

    def kept(self) -> bytes:
        left_out = self.size - len(self.head) - len(self.tail)
        gap = f"\n[{left_out} bytes left out]\n".encode() if left_out else b""
        return bytes(self.head) + gap + bytes(self.tail)


def find_report(text: bytes) -> str:
    found = _REPORT.search(text)
    if found is None:
        return ""
    words = text[found.start() :]
    end = _REPORT_END.search(words)
    return escape.visible(words[: end.start()] if end else words)
