"""Golden vectors of both formats, for other implementations: bytes and what they mean, and bytes
that must be refused, with the place of the first fault. Made from the table of the formats:
``python -m grader.golden --write``; a test holds the files against it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from grader.wire import resp
from grader.wire.messages import (
    INT32_MAX,
    LARGEST_PAYLOAD,
    AppendEntries,
    AppendEntriesReply,
    LogEntry,
    Malformed,
    Message,
    RequestVote,
    RequestVoteReply,
    decode,
    encode,
)
from grader.wire.table import ENTRY, LAYOUTS, layout_of

FOLDER = Path(__file__).resolve().parent / "wire" / "golden"
_SET = resp.encode_request([b"SET", b"k", b"v"])
Vector = dict[str, Any]

# Names and messages. The first five are the worked bytes of docs/protocol.md. In those that are
# called distinct, no two bytes of the payload are equal where that can be.
MESSAGES: dict[str, Message] = {
    "RequestVote request, term 7, candidate 2, last log 9/6": RequestVote(7, 2, 9, 6),
    "RequestVote response, term 7, granted": RequestVoteReply(7, 1),
    "heartbeat, term 7, leader 2, prev 9/6, commit 8, seq 42": AppendEntries(7, 2, 9, 6, 8, 42, ()),
    "two entries: (6, empty) and (7, SET k v)": AppendEntries(
        7, 2, 9, 6, 8, 41, (LogEntry(6, b""), LogEntry(7, _SET))
    ),
    "AppendEntries response, term 7, follower 3, success": AppendEntriesReply(7, 3, 11, 1, 8, 41),
    "RequestVote request, distinct": RequestVote(0x01020304, 0x05060708, 0x090A0B0C, 0x0D0E0F10),
    "RequestVote request, an empty log": RequestVote(1, 1, 0, 0),
    "RequestVote request, all as large as can be": RequestVote(*[INT32_MAX] * 4),
    "RequestVote response, distinct, refused": RequestVoteReply(0x01020304, 0),
    "AppendEntries request, distinct": AppendEntries(
        0x01020304, 0x05060708, 0x090A0B0C, 0x0D0E0F10, 0x11121314, 0x15161718,
        (LogEntry(0x191A1B1C, b"\x1d\x1e\x1f"),),
    ),
    "AppendEntries request, seq at its end": AppendEntries(7, 2, 9, 6, 8, 2**32 - 1, ()),
    "AppendEntries request, empty entries around one of NUL, CR and LF": AppendEntries(
        7, 2, 9, 6, 8, 43, (LogEntry(6, b""), LogEntry(6, b"\0\r\n\0"), LogEntry(7, b""))
    ),
    "AppendEntries request, an entry of 300 bytes": AppendEntries(
        7, 2, 9, 6, 8, 44, (LogEntry(7, bytes(n % 251 for n in range(300))),)
    ),
    "AppendEntries response, distinct, a hint": AppendEntriesReply(
        0x01020304, 0x05060708, 0x090A0B0C, 0, 0x0D0E0F10, 0x11121314
    ),
    "AppendEntries response, ack at its end": AppendEntriesReply(7, 3, 11, 1, 8, 2**32 - 1),
}  # fmt: skip

REQUESTS: dict[str, resp.Request] = {
    'SET CS06142 "Cloud Computing"': [b"SET", b"CS06142", b"Cloud", b"Computing"],
    "GET": [b"GET", b"CS06142"],
    "DEL of two": [b"DEL", b"k1", b"k2"],
    "no words": [],
    "empty words": [b"", b""],
    "any bytes": [b"SET", b"\0\r\n", bytes(range(256))],
    "what looks like a frame": [b"SET", b"k", b"*1\r\n$3\r\nDEL\r\n"],
    "lengths around ten and a hundred": [b"x" * size for size in (9, 10, 99, 100)],
}

REPLIES: dict[str, resp.Reply] = {
    "SET done": resp.Simple(b"OK"),
    "GET, present": [b"Cloud", b"Computing"],
    "GET, absent": [b"nil"],
    "DEL of one": 1,
    "any error": resp.Failure(b"ERROR"),
    "no leader known": resp.Simple(b"TRYAGAIN"),
    "ask the leader": resp.Simple(b"MOVED 2"),
    "zero": 0,
    "minus one": -1,
    "the largest integer": 2**63 - 1,
    "the least integer": -(2**63),
    "no words": [],
    "empty words": [b"", b""],
    "an empty text": resp.Simple(b""),
}

BAD_REQUESTS: dict[str, bytes] = {
    "no array": b"+OK\r\n",
    "an inline command": b"GET k\r\n",
    "a letter in the count": b"*1x\r\n",
    "no digit": b"*\r\n",
    "a negative count": b"*-1\r\n",
    "a plus sign": b"*+1\r\n",
    "a space before": b"* 1\r\n",
    "a space after": b"*1 \r\n",
    "a leading zero": b"*01\r\n",
    "a NUL in the count": b"*1\0\r\n",
    "one word too many": b"*1048577\r\n",
    "far too many words": b"*2305843009213693955\r\n",
    "a line of 33 bytes": b"*" + b"1" * 32,
    "LF alone": b"*1\n$4\nPING\n",
    "CR alone": b"*1\r$4\r\n",
    "an integer as a word": b"*1\r\n:5\r\n",
    "an array as a word": b"*1\r\n*1\r\n",
    "a negative length": b"*1\r\n$-1\r\n",
    "a word too long": b"*1\r\n$536870913\r\n",
    "other bytes than CR LF after data": b"*1\r\n$3\r\nfooXX",
    "LF alone after data": b"*1\r\n$3\r\nfoo\n",
    "a length that is too short": b"*1\r\n$2\r\nfoo\r\n",
    "a NUL after a request": b"*1\r\n$1\r\nx\r\n\0",
}

BAD_REPLIES: dict[str, bytes] = {
    "a bulk string by itself": b"$3\r\nnil\r\n",
    "a plus sign": b":+1\r\n",
    "minus zero": b":-0\r\n",
    "a leading zero": b":01\r\n",
    "no digit": b":\r\n",
    "a minus alone": b":-\r\n",
    "one more than the largest": b":9223372036854775808\r\n",
    "one less than the least": b":-9223372036854775809\r\n",
    "a text as an element": b"*1\r\n+OK\r\n",
    "a null array": b"*-1\r\n",
}


def _bad_messages() -> dict[str, bytes]:
    """One fault each, in a message that is right but for it."""
    bad = {
        f"type {number}": encode(1, {**_values(RequestVote(7, 2, 9, 6)), "type": number})
        for number in (0, 11, 63, 1 << 24)
    }
    for message in list(MESSAGES.values())[:5]:
        layout, right = layout_of(message), len(encode(message)) - 8
        for size in sorted({0, right - 1, right + 1, right + 8, LARGEST_PAYLOAD + 1, 2**32 - 1}):
            name = f"{layout.title}, {right} bytes of payload, announced as {size}"
            bad[name] = encode(layout.name, {**_values(message), "payload_size": size}) + bytes(8)
        for about in layout.fields:
            values = {"i32": (-1, -INT32_MAX - 1), "u8": (2, 255), "u32": ()}[about.type]
            for value in values:
                name = f"{layout.title} of {right} bytes, {about.name} {value}"
                bad[name] = encode(layout.name, {**_values(message), about.name: value})
    return {**bad, **_bad_entries()}


def _bad_entries() -> dict[str, bytes]:
    values = _values(list(MESSAGES.values())[3])
    bad = {}
    for count in (0, 1, 3, 2**32 - 1):
        bad[f"2 entries, entry_count {count}"] = encode(3, {**values, "entry_count": count})
    for length in (len(_SET) - 1, len(_SET) + 1, INT32_MAX, 2**32 - 1):
        entries = (LogEntry(6, b""), {"term": 7, "data": _SET, "length": length})
        name = f"an entry of {len(_SET)} bytes, length {length}"
        bad[name] = encode(3, {**values, "entries": entries})
    bad["an entry of term -1"] = encode(3, {**values, "entries": (LogEntry(-1, b""),)})
    return bad


def _values(message: Message) -> Vector:
    names = [one.name for one in layout_of(message).fields if one.unit != "count"]
    entries = {"entries": message.entries} if isinstance(message, AppendEntries) else {}
    return {name: getattr(message, name) for name in names} | entries


# --- as JSON ---


def messages() -> Vector:
    """``messages.json``."""
    return {
        "about": "Raft messages as in docs/protocol.md, section 2. All bytes are in hexadecimal. "
        "'offset' is that of the field that is wrong; type and payload_size are refused before "
        "the payload is there, the rest by the end of the message.",
        "version": 1,
        "fields": {
            layout.title: [[one.name, one.type] for one in layout.fields]
            for layout in LAYOUTS.values()
        }
        | {"an entry": [[one.name, one.type] for one in ENTRY]},
        "valid": [_message(name, message) for name, message in MESSAGES.items()],
        "malformed": [_malformed(name, data) for name, data in _bad_messages().items()],
    }


def _message(name: str, message: Message) -> Vector:
    values = _values(message)
    if isinstance(message, AppendEntries):
        values["entries"] = [
            {"term": entry.term, "data": entry.data.hex()} for entry in message.entries
        ]
    return {
        "name": name, "hex": encode(message).hex(), "type": layout_of(message).number,
        "fields": values,
    }  # fmt: skip


def _malformed(name: str, data: bytes) -> Vector:
    try:
        decode(data)
    except Malformed as fault:
        return {
            "name": name, "hex": data.hex(), "offset": fault.offset, "field": fault.field,
            "reason": fault.reason,
        }  # fmt: skip
    raise AssertionError(f"{name}: nothing is wrong with it")


def client_protocol() -> Vector:
    """``resp.json``."""
    return {
        "about": "The client protocol as in docs/protocol.md, section 1. All bytes are in "
        "hexadecimal. 'offset' is that of the first byte that is wrong; a parser may say so later, "
        "by the CR LF of that line or by its 33rd byte.",
        "version": 1,
        "requests": [
            {"name": name, "hex": resp.encode_request(words).hex(), "words": _hex(words)}
            for name, words in REQUESTS.items()
        ],
        "replies": [
            {"name": name, "hex": resp.encode_reply(value).hex(), **_reply(value)}
            for name, value in REPLIES.items()
        ],
        "malformed_requests": _bad(BAD_REQUESTS, lambda: resp.Decoder().feed),
        "malformed_replies": _bad(BAD_REPLIES, lambda: resp.ReplyDecoder().feed),
    }


def _hex(words: list[Any]) -> list[str]:
    return [word.hex() for word in words]


def _reply(value: resp.Reply) -> Vector:
    match value:
        case resp.Simple(text):
            return {"type": "+", "text": text.decode()}
        case resp.Failure(text):
            return {"type": "-", "text": text.decode()}
        case int():
            return {"type": ":", "integer": str(value)}  # a JSON number may lose digits
    assert isinstance(value, list)
    return {"type": "*", "words": _hex(value)}


def _bad(cases: dict[str, bytes], feed: Callable[[], Callable[[bytes], Any]]) -> list[Vector]:
    found = []
    for name, data in cases.items():
        try:
            feed()(data)
        except resp.ProtocolError as fault:
            found.append(
                {"name": name, "hex": data.hex(), "offset": fault.offset, "field": fault.field,
                 "reason": fault.reason}
            )  # fmt: skip
            continue
        raise AssertionError(f"{name}: nothing is wrong with it")
    return found


def files() -> dict[str, str]:
    """The names of the files, and what belongs into them."""
    made = {"messages.json": messages(), "resp.json": client_protocol()}
    return {name: json.dumps(value, indent=1) + "\n" for name, value in made.items()}


if __name__ == "__main__" and sys.argv[1:] == ["--write"]:
    for file, text in files().items():
        (FOLDER / file).write_text(text, encoding="utf-8")
