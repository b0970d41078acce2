"""The frames of labs/include/rpc.h, for its two stages."""

from __future__ import annotations

import struct

from grader.run.client import Client
from grader.verdicts import Diagnosis, StageFailure

MULTIPLY, QUO_REM, DELAY = 64, 65, 66
FINE, FAILED, UNKNOWN = 0, 1, 2
MOST_PAYLOAD = 16 << 20
INT_MIN, INT_MAX = -(1 << 31), (1 << 31) - 1


def call(call_id: int, request_id: int, arguments: bytes) -> bytes:
    return struct.pack("<III", call_id, 4 + len(arguments), request_id) + arguments


def reply(call_id: int, request_id: int, status: int, results: bytes = b"") -> bytes:
    return struct.pack("<IIIB", call_id, 5 + len(results), request_id, status) + results


def two(a: int, b: int) -> bytes:
    """The arguments of Multiply and QuoRem, and QuoRem's results."""
    return struct.pack("<ii", a, b)


def product(number: int) -> bytes:
    """Multiply's result."""
    return struct.pack("<q", number)


def delay(milliseconds: int, request_id: int) -> bytes:
    """A call of Delay."""
    return call(DELAY, request_id, struct.pack("<I", milliseconds))


def expect_frame(client: Client, frame: bytes, what: str, *, is_reply: bool = True) -> None:
    """A failure names the field of the first byte that differs."""
    base = client.received_size() - len(client.came())
    try:
        client.expect(frame, what)
    except StageFailure as failure:
        found = failure.difference
        if found is not None and client.received_size() > found.offset:
            name = _field(found.offset - base, is_reply)
            failure.diagnosis = Diagnosis("wrong-byte", f"the first wrong byte is in the {name}")
        raise


def _field(at: int, is_reply: bool) -> str:
    """Of the frame's byte at offset ``at``."""
    if at == 12 and is_reply:
        return "status"
    names = ("call id", "payload_size", "request id")
    return names[at // 4] if at < 12 else "results or the text" if is_reply else "arguments"
