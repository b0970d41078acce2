"""``make explain``: bytes of labs 3 and 4, field by field, up to the first wrong one."""

from __future__ import annotations

import os
import re
from pathlib import Path

from grader.errors import UsageError
from grader.wire import annotate, guess
from grader.wire.explain import explain

MOST = 1 << 20  # bytes of a file
_USAGE = 'HEX="01 00 00 00 …" or FILE=path gives the bytes, FORMAT=resp, message or rpc their kind'
_BETWEEN = re.compile(r"[\s,:;_-]+|0[xX](?=[0-9a-fA-F])|\\x")


def command_explain() -> int:
    """Explains HEX, or FILE, as FORMAT; prints to stdout. Returns 0, whatever the bytes are; raises
    UsageError where there are none.
    """
    data = _bytes()
    kind = os.environ.get("FORMAT") or annotate.format_of(data)
    if kind not in (annotate.RESP, annotate.MESSAGE, annotate.RPC):
        raise UsageError(
            f"FORMAT={kind}: it is {annotate.RESP}, {annotate.MESSAGE} or {annotate.RPC}"
        )
    print("\n".join(lines(data, kind)))
    return 0


def lines(data: bytes, kind: str) -> list[str]:
    """The explanation, and what the bytes say about the cause where they are wrong."""
    found = None if kind == annotate.RPC else guess.alone(_wrong_one(data, kind), kind)
    text = explain(data, kind)
    while text and not text[-1]:
        text.pop()
    return [*text, f"Likely cause: {found.text} [{found.id}]"] if found else text


def _wrong_one(data: bytes, kind: str) -> bytes:
    """From the message on that has the fault; in RESP, a place needs what came before it."""
    reading = annotate.read(data, kind)
    return data[reading.items[-1].offset :] if kind == annotate.MESSAGE else data


def _bytes() -> bytes:
    text, path = os.environ.get("HEX") or "", os.environ.get("FILE") or ""
    if text and path:
        raise UsageError("HEX and FILE are given: which one? " + _USAGE)
    if not text and not path:
        raise UsageError("which bytes? " + _USAGE)
    data = of_hex(text) if text else _of_file(Path(path))
    if not data:
        raise UsageError("there is not one byte in it: " + _USAGE)
    return data


def of_hex(text: str) -> bytes:
    """Pairs of hexadecimal digits, with blanks, commas, colons, 0x or \\x between them. Raises
    UsageError.
    """
    digits = []
    for group in filter(None, _BETWEEN.split(text)):
        wrong = re.search(r"[^0-9a-fA-F]", group)
        if wrong is not None:
            raise UsageError(f"HEX: {wrong[0]!a} in {group[:24]!a} is no digit")
        if len(group) % 2:
            raise UsageError(f"HEX: {group[:24]!a} is cut short: a byte has two digits")
        digits.append(group)
    return bytes.fromhex("".join(digits))


def _of_file(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MOST + 1)
    except OSError as error:
        raise UsageError(f"FILE={path}: {error.strerror}") from error
    if len(data) > MOST:
        raise UsageError(f"FILE={path}: more than {MOST >> 20} MiB")
    return data
