"""Lab 4: Raft's messages, byte for byte, in both directions."""

from __future__ import annotations

import struct
from dataclasses import fields, replace
from typing import TYPE_CHECKING

from grader.labs.cases import for_all
from grader.labs.lab4.codec import MORE, Codec
from grader.labs.lab4.decoded import Decoded, fields_of
from grader.labs.scenes import MIB
from grader.labs.stage import Attempt, stage
from grader.verdicts import Diagnosis, fail
from grader.wire.messages import (
    INT32_MAX,
    LARGEST_PAYLOAD,
    LAYOUTS,
    AppendEntries,
    AppendEntriesReply,
    LogEntry,
    Message,
    RequestVote,
    RequestVoteReply,
    encode,
)
from grader.wire.table import Layout

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

# Every byte of every field is another one.
VOTE = RequestVote(0x01020304, 0x05060708, 0x090A0B0C, 0x0D0E0F10)
GRANTED, REFUSED = RequestVoteReply(0x01020304, 1), RequestVoteReply(0x05060708, 0)
HEARTBEAT = AppendEntries(
    0x01020304, 0x05060708, 0x090A0B0C, 0x0D0E0F10, 0x11121314, 0xF5161718, ()
)
MATCHED = AppendEntriesReply(0x01020304, 0x05060708, 0x090A0B0C, 1, 0x0D0E0F10, 0xF1121314)
ENTRIES = replace(
    HEARTBEAT,
    entries=(
        LogEntry(6, b""),
        LogEntry(0x21222324, b"*1\r\n$1\r\nx\r\n"),
        LogEntry(7, b"\0" * 5),
        LogEntry(8, b""),
    ),
)
# Raft has its objections, and those who know the log make them.
EXTREME_ENTRIES = replace(
    HEARTBEAT,
    prev_log_index=INT32_MAX,
    entries=(LogEntry(INT32_MAX, b"x"), LogEntry(0, b"y")),
)
NOT_MATCHED = replace(MATCHED, success=0)
ALL: tuple[Message, ...] = (VOTE, GRANTED, REFUSED, HEARTBEAT, MATCHED, NOT_MATCHED, ENTRIES)


def both_ways(codec: Codec, *known: Message) -> None:
    """Encoded and decoded, each for itself: a round trip would miss what is wrong in both."""
    for message in known:
        codec.expect_encoded(message)
    for message in known:
        codec.new()
        codec.expect([encode(message)], [message])


def extremes(message: Message) -> list[Message]:
    """Each field by itself at the ends of its range."""
    layout = LAYOUTS[fields_of(message).type]
    found = []
    for about in layout.fields:
        if about.unit != "count":
            for value in (about.least, about.most, min(255, about.most), min(256, about.most)):
                found.append(replace(message, **{about.name: value}))  # type: ignore[arg-type]
    return found


def malformed_fields(codec: Codec, message: Message) -> None:
    """Negative terms, indexes and ids, and flags other than 0 and 1."""
    what, data = fields_of(message), encode(message)
    at = 8
    for number, about in enumerate(LAYOUTS[what.type].fields):
        wrong = [-1, -INT32_MAX - 1] if about.signed else [2, 128, 255] * (about.unit == "flag")
        for value in wrong:
            bad = data[:at] + about.pack(value) + data[at + about.size :]
            codec.expect_malformed(bad, f"{about.name} is {value}")
            values = list(what.values)
            values[number] = value
            if about.unit != "flag":  # a bool holds nothing else
                codec.expect_refused(
                    replace(what, values=tuple(values)), f"{about.name} is {value}"
                )
        at += about.size


@stage("4.1", "The header", points=8, see="lab4#header", source="PROTOCOL, section 2", seconds=60)
def test_header(attempt: Attempt) -> None:
    """Type and payload_size, 32 bits each, little-endian; payload_size counts the payload alone. A
    header that can't be right is refused before any payload comes.
    """
    codec = Codec(attempt)
    both_ways(codec, VOTE)
    for kind in (0, *range(11, 64)):
        codec.expect_malformed(struct.pack("<II", kind, 16), f"there is no type {kind}", early=8)
    for number, layout in LAYOUTS.items():
        for size in impossible_sizes(layout):
            why = f"a {layout.title} has no payload of {size} bytes"
            codec.expect_malformed(struct.pack("<II", number, size), why, early=8)
    for kind in (0, 11, 63):
        codec.expect_refused(Decoded(0, kind, ()), f"there is no type {kind}")
    for kind in (0x101, 0x10001, 0x1000001):
        expect_other_type(codec, kind)


def impossible_sizes(layout: Layout) -> set[int]:
    """Of a payload of that type: padded, cut, of another type, or too large for any."""
    sizes = {0, layout.size - 1, LARGEST_PAYLOAD + 1, 0x80000000, 0xFFFFFFFF}
    if not layout.entries:
        sizes |= {layout.size + more for more in (1, 3, 4, 7, 8)} | {24}
    return sizes


def expect_other_type(codec: Codec, kind: int) -> None:
    """It may be a type of an extension, for all we know; but a RequestVote it is not."""
    codec.new()
    data = encode(1, _values(VOTE, type=kind))
    found, _ = codec.feed(data)
    if any(one.type == 1 for one in found):
        fail(
            f"type {kind:#x} is decoded as 1",
            Diagnosis("accepted", "all four bytes of the type count"),
        )


@stage("4.2", "RequestVote", points=8, see="lab4#request-vote", source="Raft, figure 2")
def test_request_vote(attempt: Attempt) -> None:
    """Four integers, in the order of the protocol; none may be negative."""
    codec = Codec(attempt)
    both_ways(codec, VOTE, RequestVote(7, 2, 9, 6), *extremes(VOTE))
    malformed_fields(codec, VOTE)


@stage("4.3", "RequestVote's reply", points=8, see="lab4#vote-reply", source="Raft, figure 2")
def test_vote_reply(attempt: Attempt) -> None:
    """A term and one byte: the payload has 5 bytes, and no padding. The byte is 0 or 1."""
    codec = Codec(attempt)
    both_ways(codec, GRANTED, REFUSED, RequestVoteReply(7, 1), *extremes(GRANTED))
    malformed_fields(codec, GRANTED)


@stage(
    "4.4",
    "AppendEntries without entries",
    points=10,
    see="lab4#append-entries",
    source="Raft, figure 2",
)
def test_heartbeat(attempt: Attempt) -> None:
    """Seven integers, the first five not negative. seq comes before entry_count, and may have any
    value of 32 bits.
    """
    codec = Codec(attempt)
    both_ways(codec, HEARTBEAT, AppendEntries(7, 2, 9, 6, 8, 42, ()), *extremes(HEARTBEAT))
    malformed_fields(codec, HEARTBEAT)


@stage("4.5", "AppendEntries' reply", points=8, see="lab4#append-reply", source="Raft, figure 2")
def test_append_reply(attempt: Attempt) -> None:
    """The byte success stands in the middle, and what follows is not aligned: 21 bytes. ack may
    have any value of 32 bits.
    """
    codec = Codec(attempt)
    both_ways(codec, MATCHED, AppendEntriesReply(7, 3, 11, 1, 8, 41), *extremes(MATCHED))
    malformed_fields(codec, MATCHED)


@stage("4.6", "Entries", points=12, see="lab4#entries", source="PROTOCOL, section 2", seconds=60)
def test_entries(attempt: Attempt) -> None:
    """Term, length and data, entry after entry; data may be empty, and hold any byte. A payload has
    16 MiB at most.
    """
    codec = Codec(attempt)
    both_ways(codec, ENTRIES, EXTREME_ENTRIES)
    random = attempt.random("entries")
    for sizes in (
        [0],
        [1],
        [0, 1, 0],
        [255, 256, 257],
        [65535, 65536, 65537],
        [MIB],
        [0] * 256,
        [3] * 70_000,
    ):
        entries = tuple(
            LogEntry(random.between(0, INT32_MAX), random.bytes(size)) for size in sizes
        )
        both_ways(codec, replace(HEARTBEAT, entries=entries))
    codec.new()
    codec.expect([encode(ENTRIES) * 3], [ENTRIES] * 3)
    codec.expect_no_leak(encode(ENTRIES) + encode(HEARTBEAT))
    largest = LARGEST_PAYLOAD - 28 - 8
    both_ways(codec, replace(HEARTBEAT, entries=(LogEntry(1, bytes(largest)),)))
    too_large = fields_of(replace(HEARTBEAT, entries=(LogEntry(1, bytes(largest + 1)),)))
    codec.expect_refused(too_large, "the payload is larger than 16 MiB")
    negative = fields_of(replace(HEARTBEAT, entries=(LogEntry(1, b""), LogEntry(2, b"x"))))
    codec.expect_refused(replace(negative, entries=((1, b""), (-2, b"x"))), "an entry's term is -2")


@stage(
    "4.7",
    "One form only",
    points=14,
    see="lab4#canonical",
    source="PROTOCOL, section 2",
    seconds=60,
)
def test_canonical(attempt: Attempt) -> None:
    """A payload that is longer or shorter than its fields is malformed, and so is a count that does
    not match the entries. What follows a message is not part of it.
    """
    codec = Codec(attempt)
    for message in ALL:
        data = encode(message)
        size = len(data) - 8
        for wrong in {max(size + off, 0) for off in (-8, -4, -1, 1, 3, 4, 8)} | {0}:
            bad = data[:4] + struct.pack("<I", wrong) + data[8:] + bytes(16)
            codec.expect_malformed(bad, f"payload_size is {wrong}, and the fields take {size}")
        codec.new()
        codec.expect([data + data[:-1], data[-1:]], [message, message])
        codec.expect_malformed_behind(message, struct.pack("<II", 0, 16))
    count = len(ENTRIES.entries)
    for wrong in (0, 1, count - 1, count + 1, 255, 0x10000 + count, 0x1000000 + count):
        bad = encode(3, _values(ENTRIES, entry_count=wrong))
        codec.expect_malformed(bad, f"entry_count is {wrong}, and {count} entries are there")
    for position, entry in enumerate(ENTRIES.entries):
        for off in (-1, 1, 8):
            if len(entry.data) + off >= 0:
                bad = encode(3, _values(ENTRIES, position, length=len(entry.data) + off))
                codec.expect_malformed(bad, f"the length of entry {position + 1} is {off} off")
        bad = encode(3, _values(ENTRIES, position, term=-1))
        codec.expect_malformed(bad, f"the term of entry {position + 1} is -1")
        codec.expect_no_leak(bad)


def _values(message: Message, position: int = -1, **wrong: object) -> dict[str, object]:
    """The fields, one of them wrong: the message's own, or one of the entry at ``position``."""
    values: dict[str, object] = {one.name: getattr(message, one.name) for one in fields(message)}
    if not isinstance(message, AppendEntries):
        return values | wrong
    entries: list[dict[str, object]] = [
        {"term": one.term, "data": one.data} for one in message.entries
    ]
    if position < 0:
        values.update(wrong)
    else:
        entries[position].update(wrong)
    return {**values, "entries": entries}


@stage(
    "4.8",
    "Lengths that lie",
    points=10,
    see="lab4#lengths",
    source="PROTOCOL, section 2",
    seconds=60,
)
def test_lengths(attempt: Attempt) -> None:
    """Sums of 32-bit lengths overflow in 32 bits, and counts may announce what never comes: neither
    leads out of the buffer, nor to memory that is taken for nothing.
    """
    codec = Codec(attempt)
    for length in (0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xFFFFFFF8, 0xFFFFFFF0, 0xFFFFFFE4, 1 << 24):
        for position in range(len(ENTRIES.entries)):
            bad = encode(3, _values(ENTRIES, position, length=length))
            codec.expect_malformed(bad, f"an entry's length is {length:#x}")
    for count in (0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x20000000, 0x20000004, 0x15555556):
        codec.expect_malformed(
            encode(3, _values(ENTRIES, entry_count=count)), f"entry_count is {count:#x}"
        )
        codec.expect_malformed(
            encode(3, _values(HEARTBEAT, entry_count=count)), f"entry_count is {count:#x}"
        )
    for size in (0xFFFFFFFF, 0xFFFFFFF8, 0x80000000, 0x7FFFFFFF, LARGEST_PAYLOAD + 1):
        bad = struct.pack("<II", 3, size) + encode(HEARTBEAT)[8:]
        codec.expect_malformed(bad, f"payload_size is {size:#x}", early=8)
    for rest in range(1, 8):
        bad = encode(3, _values(HEARTBEAT, entry_count=1, payload_size=28 + rest)) + bytes(rest)
        codec.expect_malformed(bad, f"an entry has {rest} of the 8 bytes before its data")
    for sizes in SUMS:
        codec.expect_hollow_refused(HEARTBEAT, sizes)
    expect_nothing_for_announced(codec)


# Sizes of entries; with 8 bytes for each entry their sum is small, or negative, in 32 bits.
SUMS = ([0xFFFFFFF8], [0xFFFFFFFF], [0x7FFFFFF8] * 2, [0x7FFFFFFF], [(16 << 20) - 8] * 256)


def expect_nothing_for_announced(codec: Codec) -> None:
    """As many entries as fit are announced, and none comes."""
    codec.new()
    before = codec.driver.memory()
    count = (LARGEST_PAYLOAD - 28) // 8
    announced = encode(3, _values(HEARTBEAT, entry_count=count, payload_size=LARGEST_PAYLOAD))
    result = codec.feed(announced)[1]
    if result != MORE:
        fail(
            "2 million empty entries are announced, which fit",
            Diagnosis("legal-refused", "so many may come: 16 MiB hold them"),
        )
    codec.driver.expect_memory(before, MIB, f"a message of which {len(announced)} bytes came")


@stage(
    "4.9",
    "Every prefix, any alignment",
    points=10,
    see="lab4#prefixes",
    source="C11, 6.3.2.3 paragraph 7",
    seconds=60,
)
def test_prefixes(attempt: Attempt) -> None:
    """A message lies anywhere in memory, and ends where its buffer ends: no byte beyond is read,
    and no integer through a pointer that is not aligned for it.
    """
    codec = Codec(attempt)
    for offset in range(8):
        codec.shift(offset)
        both_ways(codec, *ALL)
    for message in ALL:
        data = encode(message)
        for end in range(len(data)):
            codec.new()
            codec.expect([data[:end]], [message])


@stage("4.10", "Streams", points=12, see="lab4#stream", source="RFC 9293, section 3.8", seconds=60)
def test_streams(attempt: Attempt) -> None:
    """A connection carries messages back to back, cut anywhere: each is found with its last byte.
    The time for a message grows with its size, not with the number of its pieces.
    """
    codec = Codec(attempt)
    stream = b"".join(map(encode, ALL))
    for at in range(1, len(stream)):
        codec.new()
        codec.expect([stream[:at], stream[at:]], ALL)
    codec.new()
    codec.expect([stream[at : at + 1] for at in range(len(stream))], ALL)
    for message in ALL:
        codec.new()
        codec.expect([encode(message)] * 3, [message] * 3)
    codec.expect_repeated(VOTE, 70_000)
    codec.expect_apart(VOTE, MATCHED)
    codec.expect_apart(ENTRIES, replace(ENTRIES, term=1, entries=ENTRIES.entries[::-1]))
    for_all(attempt, _streams(), lambda case: found_in_pieces(codec, *case), count=150)
    small, large = _large(20_000), _large(160_000)
    codec.expect_repeated(small, 1)
    codec.expect_repeated(large, 1)
    Codec(attempt, build="plain").expect_linear(encode(small), encode(large), step=1024)


def _large(count: int) -> AppendEntries:
    return replace(HEARTBEAT, entries=(LogEntry(1, bytes(90)),) * count)


def found_in_pieces(codec: Codec, sent: list[Message], size: int) -> None:
    """In pieces of that many bytes; and each is encoded, too."""
    data = b"".join(map(encode, sent))
    codec.new()
    codec.expect([data[at : at + size] for at in range(0, len(data), size)], sent)
    for message in sent:
        codec.expect_encoded(message)


def _streams() -> SearchStrategy[tuple[list[Message], int]]:
    """Messages of all types, with any legal values, and the size of the pieces that they come
    in.
    """
    from hypothesis import strategies as some

    number, flag, any32 = (
        some.integers(0, INT32_MAX),
        some.integers(0, 1),
        some.integers(0, 2**32 - 1),
    )
    entry = some.builds(LogEntry, number, some.binary(max_size=30))
    message: SearchStrategy[Message] = some.one_of(
        some.builds(RequestVote, *[number] * 4),
        some.builds(RequestVoteReply, number, flag),
        some.builds(AppendEntries, *[number] * 5, any32, some.lists(entry, max_size=4).map(tuple)),
        some.builds(AppendEntriesReply, *[number] * 3, flag, number, any32),
    )
    return some.tuples(some.lists(message, min_size=1, max_size=5), some.integers(1, 60))
