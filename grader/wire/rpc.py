"""The frames of labs/include/rpc.h, field by field: calls of procedures, and their replies.

Nothing in a frame says which of the two it is. Of a known procedure, one with a payload of just its
arguments' size is taken for a call; what an unknown one carries is not told apart.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from grader.wire.table import HEADER, HEADER_SIZE, INT32_MAX, LARGEST_PAYLOAD, Field
from grader.wire.walk import Malformed, Part, Walk, counted, take_field

LEAST_CALL_ID = 64
CALL_ID = Field("call_id", "u32", "type", "which procedure", LEAST_CALL_ID, 2**32 - 1)
REQUEST_ID = Field("request_id", "u32", "id", "of the call, which its reply returns", 0, 2**32 - 1)
STATUS = Field(
    "status", "u8", "status", "0 results, 1 a text says why not, 2 unknown call id", 0, 2
)
FINE, FAILED, UNKNOWN = range(3)


def _i32(name: str, meaning: str) -> Field:
    return Field(name, "i32", "number", meaning, -INT32_MAX - 1, INT32_MAX)


@dataclass(frozen=True)
class Procedure:
    """What its calls and its replies of status 0 carry."""

    title: str
    arguments: tuple[Field, ...]
    results: tuple[Field, ...]


PROCEDURES = {
    64: Procedure(
        "Multiply",
        (_i32("a", "a factor"), _i32("b", "a factor")),
        (Field("product", "i64", "number", "a times b", -(2**63), 2**63 - 1),),
    ),
    65: Procedure(
        "Arith.QuoRem",
        (_i32("a", "the dividend"), _i32("b", "the divisor")),
        (_i32("quotient", "rounded towards zero"), _i32("remainder", "with the sign of a")),
    ),
    66: Procedure(
        "Delay", (Field("milliseconds", "u32", "number", "until the reply", 0, 2**32 - 1),), ()
    ),
}
FIELDS = (
    CALL_ID,
    REQUEST_ID,
    STATUS,
    *(one for known in PROCEDURES.values() for one in (*known.arguments, *known.results)),
)


def is_likely(data: bytes) -> bool:
    """Whether these bytes start with a header of such a frame."""
    number = int.from_bytes(data[:4], "little")
    size = int.from_bytes(data[4:HEADER_SIZE], "little")
    if len(data) < HEADER_SIZE:
        return number in PROCEDURES
    fits = REQUEST_ID.size <= size <= LARGEST_PAYLOAD
    return number in PROCEDURES or (number >= LEAST_CALL_ID and fits)


def title(parts: list[Part]) -> str:
    """Of a frame, as far as it was read."""
    known = PROCEDURES.get(int(parts[0].value))
    if known is None or len(parts) < len(HEADER):
        return "RPC frame"
    return ("call of " if _is_call(known, int(parts[1].value)) else "reply of ") + known.title


def walk(data: bytes, offset: int = 0) -> Walk:
    """As ``walk.walk``, for the frame that starts at ``offset``."""
    header = []
    for about in (CALL_ID, HEADER[1], REQUEST_ID):
        part = take_field(data, offset, about, "")
        if part is None:
            return about.name
        header.append(int(part.value))
        fault = _header_fault(header)
        if fault:
            raise Malformed(offset, about.name, fault)
        yield part
        offset += about.size
    known, left = PROCEDURES.get(header[0]), header[1] - REQUEST_ID.size
    if known is None:
        return (yield from _bytes(data, offset, "arguments, or status and results", left))
    if _is_call(known, header[1]):
        return (yield from _fields(data, offset, known.arguments))
    return (yield from _reply(data, offset, known, left))


def _is_call(known: Procedure, payload_size: int) -> bool:
    return payload_size == REQUEST_ID.size + _size_of(known.arguments)


def _size_of(fields: Iterable[Field]) -> int:
    return sum(one.size for one in fields)


def _header_fault(header: list[int]) -> str:
    """What is wrong with the last of these fields."""
    number, size = header[0], header[-1]
    if len(header) == 1 and number < LEAST_CALL_ID:
        return f"{number} is no call id: it is {LEAST_CALL_ID} or more"
    if len(header) != len(HEADER):
        return ""
    if size < REQUEST_ID.size:
        return f"{counted(size, 'byte')} are too few for a request id"
    if size > LARGEST_PAYLOAD:
        return f"{size:,} bytes are more than the limit of {LARGEST_PAYLOAD:,}"
    known = PROCEDURES.get(number)
    if known is not None and size == REQUEST_ID.size:
        call = size + _size_of(known.arguments)
        return f"a call of {known.title} has {call} bytes, a reply {size + STATUS.size} or more"
    return ""


def _reply(data: bytes, offset: int, known: Procedure, left: int) -> Walk:
    part = take_field(data, offset, STATUS, "")
    if part is None:
        return STATUS.name
    status, left = int(part.value), left - STATUS.size
    fault = _status_fault(known, status, left)
    if fault:
        raise Malformed(offset, STATUS.name, fault)
    yield part
    offset += STATUS.size
    if status == FINE:
        return (yield from _fields(data, offset, known.results))
    return (yield from _bytes(data, offset, "text", left)) if status == FAILED else ""


def _status_fault(known: Procedure, status: int, left: int) -> str:
    if status > UNKNOWN:
        return f"{status} is no status: it is 0, 1 or 2"
    if status == UNKNOWN and left > 0:
        return f"nothing follows status 2, yet the payload has {counted(left, 'more byte')}"
    size = _size_of(known.results)
    if status == FINE and left != size:
        return f"the results of {known.title} have {size} bytes, and the payload has {left} left"
    return ""


def _fields(data: bytes, offset: int, fields: tuple[Field, ...]) -> Walk:
    for about in fields:
        part = take_field(data, offset, about, "")
        if part is None:
            return about.name
        yield part
        offset += about.size
    return ""


def _bytes(data: bytes, offset: int, path: str, size: int) -> Walk:
    raw = bytes(data[offset : offset + size])
    if len(raw) < size:
        return path
    if size > 0:
        yield Part(path, offset, raw, raw, None)
    return ""
