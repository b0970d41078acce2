"""The four messages of Raft. The classes below are the one table of their bytes: the codec, its
explanations and diagnoses, the golden vectors, the figures and the Wireshark dissector read it.

A message is a header of 8 bytes and a payload; integers are little-endian, nothing is padded. There
is one encoding of a message, and only that decodes.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any, TypeAlias

LARGEST_PAYLOAD = 16 << 20
HEADER_SIZE = 8
ENTRY_SIZE = 8  # of a log entry without its data
INT32_MAX = 2**31 - 1


@dataclass(frozen=True)
class Field:
    """A field of fixed size. ``code`` is that of Python's struct module, ``unit`` the kind of
    number; values from ``least`` to ``most`` are legal.
    """

    name: str
    type: str
    unit: str
    meaning: str
    least: int
    most: int

    @property
    def code(self) -> str:
        return {"i32": "i", "u32": "I", "u8": "B", "i64": "q"}[self.type]

    @property
    def size(self) -> int:
        return {"u8": 1, "i64": 8}.get(self.type, 4)

    @property
    def signed(self) -> bool:
        return self.type in ("i32", "i64")

    def pack(self, value: int) -> bytes:
        """Values that do not fit wrap around, as they would in C."""
        return (value % (1 << 8 * self.size)).to_bytes(self.size, "little")

    def unpack(self, data: bytes) -> int:
        return int.from_bytes(data, "little", signed=self.signed)

    def fault(self, value: int) -> str:
        """What is wrong with that value; "" if it is legal."""
        if self.least <= value <= self.most:
            return ""
        if self.unit == "flag":
            return f"{value} is no flag: it is 0 or 1"
        return f"{value} is no {self.unit}: it is {self.least} or more"


def _i32(unit: str, meaning: str) -> Any:
    """A term, an index or an id: no negative one is legal."""
    return field(metadata={"wire": ("i32", unit, meaning, 0, INT32_MAX)})


def _u32(unit: str, meaning: str) -> Any:
    return field(metadata={"wire": ("u32", unit, meaning, 0, 2**32 - 1)})


def _flag(meaning: str) -> Any:
    return field(metadata={"wire": ("u8", "flag", meaning, 0, 1)})


def _counted(name: str, unit: str, meaning: str) -> Any:
    """A u32 with that name, and then as many bytes or entries."""
    return field(metadata={"counted": Field(name, "u32", unit, meaning, 0, 2**32 - 1)})


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One entry of the log, as AppendEntries carries it."""

    term: int = _i32("term", "in which the entry was made")
    data: bytes = _counted("length", "bytes", "of the data, which may be none")


@dataclass(frozen=True, slots=True)
class RequestVote:
    """A candidate asks for a vote."""

    term: int = _i32("term", "the candidate's")
    candidate_id: int = _i32("id", "who asks")
    last_log_index: int = _i32("index", "of the candidate's last entry, 0 if none")
    last_log_term: int = _i32("term", "of the candidate's last entry, 0 if none")


@dataclass(frozen=True, slots=True)
class RequestVoteReply:
    """The answer; the connection tells whose."""

    term: int = _i32("term", "the voter's")
    vote_granted: int = _flag("1 if the candidate has this vote")


@dataclass(frozen=True, slots=True)
class AppendEntries:
    """A leader sends entries, or none: a heartbeat."""

    term: int = _i32("term", "the leader's")
    leader_id: int = _i32("id", "who sends")
    prev_log_index: int = _i32("index", "of the entry just before the new ones")
    prev_log_term: int = _i32("term", "of the entry just before the new ones")
    leader_commit: int = _i32("index", "up to which the leader has committed")
    seq: int = _u32("number", "of this request; the reply's ack returns it")
    entries: tuple[LogEntry, ...] = _counted("entry_count", "count", "of the entries that follow")


@dataclass(frozen=True, slots=True)
class AppendEntriesReply:
    """The follower's answer."""

    term: int = _i32("term", "the follower's")
    follower_id: int = _i32("id", "who answers")
    log_index: int = _i32("index", "on success what is known to match, else a hint")
    success: int = _flag("1 if the log matched at prev_log_index")
    follower_commit: int = _i32("index", "up to which the follower has committed")
    ack: int = _u32("number", "the seq of the request that this answers")


Message: TypeAlias = RequestVote | RequestVoteReply | AppendEntries | AppendEntriesReply


@dataclass(frozen=True)
class Layout:
    """A message type: its number, its name in messages to people, and the fields of its payload in
    wire order. Where ``entries`` is set, the last one counts the entries that follow.
    """

    number: int
    title: str
    make: Callable[..., Any]
    fields: tuple[Field, ...]
    entries: bool

    @property
    def name(self) -> str:
        return self.make.__name__

    @cached_property
    def size(self) -> int:
        """Of the payload without entries."""
        return sum(one.size for one in self.fields)

    @cached_property
    def flags(self) -> tuple[int, ...]:
        """The places of the flags among the fields."""
        return tuple(at for at, one in enumerate(self.fields) if one.unit == "flag")

    @cached_property
    def code(self) -> struct.Struct:
        return struct.Struct("<" + "".join(one.code for one in self.fields))


def _fields_of(made: type) -> tuple[Field, ...]:
    return tuple(
        one.metadata.get("counted") or Field(one.name, *one.metadata["wire"])
        for one in fields(made)
    )


HEADER = (
    Field("type", "u32", "type", "which message this is", 0, 2**32 - 1),
    Field("payload_size", "u32", "bytes", "that follow this header", 0, 2**32 - 1),
)
ENTRY = _fields_of(LogEntry)
LAYOUTS = {
    number: Layout(number, title, made, _fields_of(made), made is AppendEntries)
    for number, title, made in (
        (1, "RequestVote request", RequestVote),
        (2, "RequestVote response", RequestVoteReply),
        (3, "AppendEntries request", AppendEntries),
        (4, "AppendEntries response", AppendEntriesReply),
    )
}
BY_NAME = {layout.name: layout for layout in LAYOUTS.values()}


def layout_of(what: int | str | Message) -> Layout:
    """By number, by the name of its class, or of a message."""
    if isinstance(what, int):
        return LAYOUTS[what]
    return BY_NAME[what if isinstance(what, str) else type(what).__name__]
