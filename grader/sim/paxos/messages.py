"""The five messages of Paxos: bytes as ``labs/include/paxos.h`` has them. There is one encoding of
a message, and only that decodes.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from grader.wire.annotate import Fault, Item, Piece, Reading, quoted
from grader.wire.table import HEADER_SIZE
from grader.wire.walk import counted

PREPARE, PROMISE, ACCEPT, ACCEPTED, REFUSED = range(11, 16)
TITLES = {
    PREPARE: "prepare",
    PROMISE: "promise",
    ACCEPT: "accept",
    ACCEPTED: "accepted",
    REFUSED: "refused",
}
OTHERS = {PROMISE: "accepted", REFUSED: "promised"}  # what the second ballot is
_VALUED = (PROMISE, ACCEPT, ACCEPTED)
LAST_ROUND = 2**31 - 2
MOST_SERVERS = 64
LARGEST_VALUE = 1 << 20
_HEADER, _BALLOT = struct.Struct("<II"), struct.Struct("<ii")


class Ballot(NamedTuple):
    """Ordered as ballots are. ``NONE`` is below all of them."""

    round: int
    server: int

    def __str__(self) -> str:
        return f"{self.round}.{self.server}" if self != NONE else "none"

    @property
    def is_one(self) -> bool:
        return 1 <= self.round <= LAST_ROUND and 1 <= self.server <= MOST_SERVERS


NONE = Ballot(0, 0)


class PaxosMessage(NamedTuple):
    """``other`` is the ballot of OTHERS, NONE in other messages."""

    type: int
    ballot: Ballot
    other: Ballot = NONE
    value: bytes = b""

    def __str__(self) -> str:
        """In words, for summaries."""
        told = [f"ballot {self.ballot}"]
        if self.type in OTHERS:
            told.append(f"{OTHERS[self.type]} {self.other}")
        if self.type in _VALUED and (self.type != PROMISE or self.other != NONE):
            told.append(f"value {shown(self.value)}")
        return f"{TITLES[self.type]}({', '.join(told)})"


class Malformed(Exception):
    """These bytes are no message: ``field`` at ``offset`` is wrong."""

    def __init__(self, offset: int, field: str, reason: str) -> None:
        super().__init__(f"offset {offset}, {field}: {reason}")
        self.offset, self.field, self.reason = offset, field, reason


def shown(value: bytes) -> str:
    """A value in a few words."""
    return quoted(value) if len(value) <= 24 else f"of {counted(len(value), 'byte')}"


def encode(message: PaxosMessage) -> bytes:
    """Its bytes, whether it makes sense or not."""
    payload = _BALLOT.pack(*message.ballot)
    if message.type in OTHERS:
        payload += _BALLOT.pack(*message.other)
    payload += message.value
    return _HEADER.pack(message.type, len(payload)) + payload


def decode(data: bytes) -> PaxosMessage:
    """Raises Malformed."""
    if len(data) < HEADER_SIZE:
        raise Malformed(len(data), "header", f"{counted(len(data), 'byte')} are no header")
    number, size = _HEADER.unpack_from(data)
    if number not in TITLES:
        raise Malformed(0, "type", f"{number} is no type of message: they are 11 to 15")
    if size != len(data) - HEADER_SIZE:
        raise Malformed(4, "payload_size", f"{size}, and {len(data) - HEADER_SIZE} bytes follow")
    fixed = HEADER_SIZE + _BALLOT.size * (2 if number in OTHERS else 1)
    most = fixed + (LARGEST_VALUE if number in _VALUED else 0)
    if not fixed <= len(data) <= most:
        raise Malformed(4, "payload_size", f"{size} is too {'small' if size < 16 else 'large'}")
    message = PaxosMessage(
        number,
        Ballot(*_BALLOT.unpack_from(data, HEADER_SIZE)),
        Ballot(*_BALLOT.unpack_from(data, 16)) if number in OTHERS else NONE,
        data[fixed:],
    )
    _check(message)
    return message


def _check(message: PaxosMessage) -> None:
    number, ballot, other, value = message
    if not ballot.is_one:
        raise Malformed(8, "ballot", f"{ballot.round}/{ballot.server} is no ballot")
    if number == REFUSED and not (other.is_one and other > ballot):
        raise Malformed(16, "promised", f"{other} is no ballot above {ballot}")
    if number == PROMISE and other == NONE and value:
        raise Malformed(24, "value", "nothing was accepted, and there is a value")
    if number == PROMISE and other != NONE and not (other.is_one and other <= ballot):
        raise Malformed(16, "accepted", f"{other} is no ballot up to {ballot}")


def reading(data: bytes) -> Reading:
    """Field by field, as far as it can be read."""
    found = Reading("messages", data)
    try:
        message = decode(data)
    except Malformed as fault:
        found.fault = Fault(fault.field, fault.offset, fault.reason)
        return found
    item = Item(TITLES[message.type], 0)
    names = ["type", "payload_size", "ballot: round", "ballot: server"]
    if message.type in OTHERS:
        names += [f"{OTHERS[message.type]}: {name}" for name in Ballot._fields]
    for place, name in enumerate(names):
        raw = data[4 * place : 4 * place + 4]
        item.pieces.append(Piece(name, 4 * place, raw, str(int.from_bytes(raw, "little"))))
    if message.value:
        item.pieces.append(Piece("value", 4 * len(names), message.value, shown(message.value)))
    found.items.append(item)
    return found
