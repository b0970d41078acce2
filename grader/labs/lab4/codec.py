"""The student's codec behind labs/host/message_driver.c, beside the grader's own."""

from __future__ import annotations

import struct
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from grader.labs.codec import CodecDriver
from grader.labs.stage import Attempt
from grader.verdicts import Diagnosis, StageFailure, fail
from grader.wire import guess, messages
from grader.wire.diff import difference
from grader.wire.table import LAYOUTS, Message, layout_of

MORE, DONE, MALFORMED, NO_MEMORY = range(4)
RESULTS = ("MESSAGE_MORE", "MESSAGE_DONE", "MESSAGE_MALFORMED", "MESSAGE_NO_MEMORY")


@dataclass(frozen=True)
class Decoded:
    """A message as the student's structs have it: ``values`` in the order of message.h."""

    size: int
    type: int
    values: tuple[int, ...]
    entries: tuple[tuple[int, bytes], ...] = ()


def fields_of(message: Message) -> Decoded:
    """What a decoder should find."""
    layout = layout_of(message)
    entries = tuple((one.term, one.data) for one in getattr(message, "entries", ()))
    names = [one.name for one in layout.fields]
    values = tuple(
        len(entries) if name == "entry_count" else getattr(message, name) for name in names
    )
    return Decoded(len(messages.encode(message)), layout.number, values, entries)


def _packed(what: Decoded) -> bytes:
    data = struct.pack(f"<I{len(what.values)}q", what.type, *what.values)
    return data + b"".join(struct.pack("<qI", term, len(its)) + its for term, its in what.entries)


class Codec:
    """A message_reader and its window, and the encoder."""

    def __init__(self, attempt: Attempt, **more: object) -> None:
        self.driver = CodecDriver(attempt, "message_driver", **more)
        self.new()

    def new(self) -> None:
        """A new reader, and an empty window."""
        self.driver.revive()
        self._window = 0
        self.driver.ask("n", b"", "make a new reader")

    def shift(self, offset: int) -> None:
        """From now on windows lie so many bytes behind an aligned address."""
        self.driver.ask("u", bytes([offset]), f"put windows {offset} bytes off alignment")

    def feed(self, piece: bytes, *, growing: bool = False) -> tuple[list[Decoded], int]:
        """More bytes join the window. What was decoded, and the last result."""
        op, what = "g" if growing else "f", f"read {len(piece)} bytes more"
        answer = self.driver.ask(op, piece, what)
        self._window += len(piece)
        found, at = [], 0
        while answer[at] == DONE:
            (size,) = struct.unpack_from("<I", answer, at + 1)
            if not 0 < size <= self._window:
                fail(
                    f"MESSAGE_DONE, and *size says {size} of the {self._window} bytes there",
                    Diagnosis("size", "what the message took: its header and its payload"),
                )
            self._window -= size
            one, at = _unpacked(answer, at + 1)
            found.append(one)
        if answer[at + 1 : at + 2] == b"\0":
            fail(
                f"{RESULTS[answer[at]]}, and *message was written to",
                Diagnosis("message-touched", "it is written only when a message is complete"),
            )
        self.driver.world.log(
            self.driver.program.name,
            f"decodes {len(found)} messages, then says {RESULTS[answer[at]]}",
        )
        return found, answer[at]

    def expect(self, pieces: Sequence[bytes], expected: Sequence[Message], **more: bool) -> None:
        """The pieces are these messages, whole: each is decoded with the piece that completes
        it.
        """
        wanted = [fields_of(message) for message in expected]
        ends = list(accumulate(one.size for one in wanted))
        came = count = 0
        for piece in pieces:
            came += len(piece)
            found, result = self.feed(piece, **more)
            due = bisect_right(ends, came)
            for one in found:
                if count >= due:
                    fail(
                        f"MESSAGE_DONE after {came} bytes, of {ends[-1]}",
                        Diagnosis("too-early", "the message is not complete yet"),
                    )
                expect_fields(one, wanted[count], count + 1)
                count += 1
            if result == MALFORMED:
                fail(
                    f"MESSAGE_MALFORMED after {came} bytes, all of which are right",
                    Diagnosis("legal-refused", "a beginning is no error; what is legal is decoded"),
                )
            if result != MORE or count < due:
                fail(
                    f"{RESULTS[result]} after {came} bytes, and {due - count} messages are missing",
                    Diagnosis(
                        "not-found", "its last byte is there: nothing more may be waited for"
                    ),
                )

    def expect_malformed(self, data: bytes, why: str, *, early: int | None = None) -> None:
        """The bytes are refused, however they come; from their first ``early`` bytes on, if that is
        given.
        """
        for pieces in ([data], [data[at : at + 1] for at in range(len(data))]):
            self.new()
            came, result = 0, MORE
            for piece in pieces:
                found, result = self.feed(piece)
                came += len(piece)
                if found:
                    fail(f"{why}: it is decoded all the same", Diagnosis("accepted", why))
                if result == MALFORMED or (early is not None and came >= early):
                    break
            if result != MALFORMED:
                fail(
                    f"{why}: {RESULTS[result]} after {came} bytes",
                    Diagnosis("accepted", f"{why}: that can be seen by now"),
                )
            if self.feed(messages.encode(messages.RequestVote(1, 1, 0, 0)))[1] != MALFORMED:
                fail(
                    f"{why}: MESSAGE_MALFORMED, and then the reader goes on",
                    Diagnosis("error-forgotten", "after it no boundary can be trusted"),
                )

    def size(self, what: Decoded) -> int:
        answer = self.driver.ask("s", _packed(what), "tell the size of a message")
        return int(struct.unpack_from("<Q", answer)[0])

    def encode(self, what: Decoded, room: int) -> tuple[int, bytes]:
        """What message_encode returns, and the whole buffer after it."""
        payload = struct.pack("<I", room) + _packed(what)
        answer = self.driver.ask("e", payload, f"encode a message into {room} bytes")
        return int(struct.unpack_from("<Q", answer)[0]), answer[8:]

    def expect_encoded(self, message: Message) -> None:
        """Into a room that is larger, exact, one too small, and none."""
        wanted, what = messages.encode(message), fields_of(message)
        if self.size(what) != len(wanted):
            fail(
                f"message_size is {self.size(what)}, and the message takes {len(wanted)} bytes",
                Diagnosis("size", "the header's 8 bytes, and the payload's without any padding"),
            )
        for room in (len(wanted) + 5, len(wanted), len(wanted) - 1, 0):
            size, block = self.encode(what, room)
            fits = room >= len(wanted)
            expect_bytes(
                block, (wanted if fits else b"").ljust(room, b"\xa5"), message, fits=fits, room=room
            )
            if size != (len(wanted) if fits else 0):
                fail(
                    f"message_encode returns {size} for a room of {room} bytes",
                    Diagnosis("encode-result", "the size, or 0 where it does not fit"),
                )

    def expect_refused(self, what: Decoded, why: str) -> None:
        """What can't be sent has no size, and nothing is written of it."""
        size, block = self.encode(what, 64)
        if (self.size(what), size) != (0, 0) or block != b"\xa5" * 64:
            fail(f"{why}: message_size and message_encode should refuse it", Diagnosis("sent", why))

    def expect_linear(self, small: bytes, large: bytes, *, step: int) -> None:
        """``large`` is eight times ``small``, and takes no more than 24 times its CPU time."""
        self.driver.expect_linear("a message", small, large, step, self.new)


def _unpacked(answer: bytes, at: int) -> tuple[Decoded, int]:
    size, kind = struct.unpack_from("<II", answer, at)
    layout = LAYOUTS[kind]
    form = struct.Struct(f"<{len(layout.fields)}q")
    values = form.unpack_from(answer, at + 8)
    at += 8 + form.size
    entries = []
    for _ in range(values[-1] if layout.entries else 0):
        term, length = struct.unpack_from("<qI", answer, at)
        entries.append((term, answer[at + 12 : at + 12 + length]))
        at += 12 + length
    return Decoded(size, kind, values, tuple(entries)), at


def expect_fields(found: Decoded, wanted: Decoded, number: int) -> None:
    layout = LAYOUTS[wanted.type]
    if found.type != wanted.type:
        fail(
            f"message {number} is of type {wanted.type}, and decodes as {found.type}",
            Diagnosis("field", "the type is the header's first field"),
        )
    names = [about.name for about in layout.fields]
    right, came = (dict(zip(names, what.values, strict=True)) for what in (wanted, found))
    if right != came:
        name = next(name for name in names if right[name] != came[name])
        fail(
            f"message {number}, {name}: {right[name]} is sent, and {came[name]} decoded",
            guess.values(right, came)
            or Diagnosis("field", f"{name} is read from other bytes than its own"),
        )
    for at, (entry, sent) in enumerate(zip(found.entries, wanted.entries, strict=True)):
        if entry[0] != sent[0]:
            fail(
                f"message {number}, entry {at + 1}: term {sent[0]} is sent, and {entry[0]} decoded",
                Diagnosis("entry-term", "term, length, data: entry after entry"),
            )
        bytes_differ = difference(sent[1], entry[1], "the entry's data ends")
        if bytes_differ is not None:
            raise StageFailure(
                f"message {number}: the data of entry {at + 1} differs",
                difference=bytes_differ,
                diagnosis=Diagnosis("entry-data", "the data is as it came, byte for byte"),
            )
    if found.size != wanted.size:
        fail(
            f"message {number} takes {wanted.size} bytes, and *size says {found.size}",
            Diagnosis("size", "the header counts too"),
        )


def expect_bytes(block: bytes, wanted: bytes, message: Message, *, fits: bool, room: int) -> None:
    found = difference(wanted, block, "the buffer ends")
    if found is None:
        return
    if not fits:
        diagnosis = Diagnosis(
            "written-too-far", "what does not fit as a whole is not written at all"
        )
    else:
        diagnosis = guess.cause(wanted.rstrip(b"\xa5"), block, "message") or Diagnosis(
            "encoded-bytes", f"it is {message!r}"[:200]
        )
    raise StageFailure(
        f"message_encode, into {room} bytes" + ("" if fits else ", one or more too few"),
        difference=found,
        diagnosis=diagnosis,
    )
