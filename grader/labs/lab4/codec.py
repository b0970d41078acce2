"""The student's codec behind labs/host/message_driver.c, beside the grader's own."""

from __future__ import annotations

import struct
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from grader.labs.codec import CodecDriver
from grader.labs.lab4.decoded import UNTOUCHED, Decoded, expect_fields, fields_of, packed, unpacked
from grader.labs.stage import Attempt
from grader.verdicts import Diagnosis, StageFailure, fail
from grader.wire import guess
from grader.wire.diff import difference
from grader.wire.messages import encode
from grader.wire.table import (
    HEADER_SIZE,
    INT32_MAX,
    LAYOUTS,
    AppendEntries,
    Message,
    RequestVote,
)

MORE, DONE, MALFORMED, NO_MEMORY = range(4)
RESULTS = ("MESSAGE_MORE", "MESSAGE_DONE", "MESSAGE_MALFORMED", "MESSAGE_NO_MEMORY")
_FILL = b"\xa5"  # what a block holds before it is written to
_LARGE = 1 << 16


@dataclass(frozen=True)
class Life:
    """Of a reader: what it said last, how many messages it found, and the bytes on the heap."""

    result: int
    found: int
    before: int
    half: int
    end: int
    after: int


class Codec:
    """A message_reader and its window, and the encoder."""

    def __init__(self, attempt: Attempt, **more: object) -> None:
        self.driver = CodecDriver(attempt, "message_driver", **more)
        self._fine: dict[int, Decoded] = {}  # the first message of each type that was accepted
        self.new()

    def new(self) -> None:
        """A new reader, and an empty window."""
        self.driver.revive()
        self._window = 0
        self.driver.ask("n", b"", "make a new reader")

    def shift(self, offset: int) -> None:
        """From now on windows lie so many bytes behind an aligned address."""
        self.driver.ask("u", bytes([offset]), f"put windows {offset} bytes off alignment")

    def feed(self, piece: bytes) -> tuple[list[Decoded], int]:
        """More bytes join the window. What was decoded, and the last result."""
        answer = self.driver.ask("f", piece, f"read {len(piece)} bytes more")
        self._window += len(piece)
        found, at = [], 0
        while answer[at] == DONE:
            self._take(*struct.unpack_from("<I", answer, at + 1))
            one, at = unpacked(answer, at + 1)
            found.append(one)
        result, traces = answer[at : at + 2]
        _check_result(result, traces)
        self.driver.world.log(
            self.driver.program.name,
            f"decodes {len(found)} messages, then says {RESULTS[result]}",
        )
        return found, result

    def _take(self, size: int) -> None:
        if not 0 < size <= self._window:
            says = "holds what was in memory before" if size == UNTOUCHED else f"says {size}"
            fail(
                f"MESSAGE_DONE, and *size {says}; {self._window} bytes are there",
                Diagnosis("size", "what the message took: its header and its payload"),
            )
        self._window -= size

    def expect(self, pieces: Sequence[bytes], expected: Sequence[Message]) -> None:
        """The pieces are these messages, of which the last may be cut: each is decoded with the
        piece that completes it.
        """
        wanted = [fields_of(message) for message in expected]
        ends = list(accumulate(one.size for one in wanted))
        came = count = 0
        for piece in pieces:
            came += len(piece)
            found, result = self.feed(piece)
            due = bisect_right(ends, came)
            for one in found:
                if count >= due:
                    fail(
                        f"MESSAGE_DONE after {came} bytes, of {ends[-1]}",
                        Diagnosis("too-early", "the message is not complete yet"),
                    )
                expect_fields(one, wanted[count], count + 1)
                self._fine.setdefault(one.type, one)
                count += 1
            if result == MALFORMED:
                why = self._suspects(wanted[count]) if count < due else "a beginning is no error"
                fail(
                    f"MESSAGE_MALFORMED after {came} bytes, all of which are right",
                    Diagnosis("legal-refused", why),
                )
            if count < due:
                fail(
                    f"{RESULTS[result]} after {came} bytes, and {due - count} messages are missing",
                    Diagnosis(
                        "not-found", "its last byte is there: nothing more may be waited for"
                    ),
                )

    def _suspects(self, what: Decoded) -> str:
        """Why a legal message may have been refused, where the first of its type was not."""
        about, fine = LAYOUTS[what.type].fields, self._fine.get(what.type)
        values = [f"{one.name} is {value:,}" for one, value in zip(about, what.values, strict=True)]
        rare = [
            words
            for at, (one, value, words) in enumerate(zip(about, what.values, values, strict=True))
            if one.unit != "flag"
            and (value in (one.least, one.most, 255, 256) or value > INT32_MAX)
            and (fine is None or fine.values[at] != value)
        ]
        if any(not data for _, data in what.entries):
            rare.append("an entry is empty")
        if what.size > _LARGE:
            rare.append(f"the payload has {what.size - HEADER_SIZE:,} bytes")
        return f"it is legal: {', '.join(rare or values)}"

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
            if self.feed(encode(RequestVote(1, 1, 0, 0)))[1] != MALFORMED:
                fail(
                    f"{why}: MESSAGE_MALFORMED, and then the reader goes on",
                    Diagnosis("error-forgotten", "after it no boundary can be trusted"),
                )

    def expect_malformed_behind(self, message: Message, data: bytes) -> None:
        """The message is whole, and what follows it is not its fault."""
        self.new()
        found, result = self.feed(encode(message) + data)
        if not found:
            fail(
                f"{RESULTS[result]} for a message that is whole, and a wrong header behind it",
                Diagnosis("legal-refused", "what follows is looked at by the next call"),
            )
        expect_fields(found[0], fields_of(message), 1)
        if len(found) > 1 or result != MALFORMED:
            fail(
                f"a message and a wrong header: {len(found)} decoded, then {RESULTS[result]}",
                Diagnosis("accepted", "there is no type 0"),
            )

    def size(self, what: Decoded) -> int:
        answer = self.driver.ask("s", packed(what), "tell the size of a message")
        return int(struct.unpack_from("<Q", answer)[0])

    def encode(self, what: Decoded, room: int) -> tuple[int, bytes]:
        """What message_encode returns, and the whole buffer after it."""
        payload = struct.pack("<I", room) + packed(what)
        answer = self.driver.ask("e", payload, f"encode a message into {room} bytes")
        return int(struct.unpack_from("<Q", answer)[0]), answer[8:]

    def expect_encoded(self, message: Message) -> None:
        """Into a room that is larger, exact, one too small, and none."""
        wanted, what = encode(message), fields_of(message)
        size = self.size(what)
        if size == 0:
            fail(
                f"message_size is 0 for a {LAYOUTS[what.type].title} of {len(wanted)} bytes",
                Diagnosis("legal-refused", self._suspects(what)),
            )
        if size != len(wanted):
            fail(
                f"message_size is {size}, and the message takes {len(wanted)} bytes",
                Diagnosis("size", "the header's 8 bytes, and the payload's without any padding"),
            )
        for room in (len(wanted) + 5, len(wanted), len(wanted) - 1, 0):
            size, block = self.encode(what, room)
            fits = room >= len(wanted)
            expect_bytes(block, wanted if fits else b"", message)
            if size != (len(wanted) if fits else 0):
                fail(
                    f"message_encode returns {size} for a room of {room} bytes",
                    Diagnosis("encode-result", "the size, or 0 where it does not fit"),
                )
        self._fine.setdefault(what.type, what)

    def expect_refused(self, what: Decoded, why: str) -> None:
        """What can't be sent has no size, and nothing is written of it."""
        size = self.size(what)
        _expect_not_sent(size, *self.encode(what, 64), why)

    def expect_hollow_refused(self, heartbeat: AppendEntries, sizes: Sequence[int]) -> None:
        """The heartbeat with entries of these sizes, which nobody has to look at: they are too
        large.
        """
        what = fields_of(heartbeat)
        what = replace(what, values=(*what.values[:-1], len(sizes)))
        answer = self.driver.ask("h", packed(what, sizes), "refuse entries that are too large")
        size, returned = (*struct.unpack_from(f"<{len(answer[:16]) // 8}Q", answer), 0)[:2]
        why = f"{len(sizes)} entries of {sizes[0]:#x} bytes"
        _expect_not_sent(size, returned, answer[16:], why)

    def live(self, data: bytes, count: int) -> Life:
        """A reader that reads the bytes ``count`` times over."""
        job = struct.pack("<I", count) + data
        answer = self.driver.ask("l", job, f"read {len(data)} bytes {count:,} times")
        life = Life(*struct.unpack("<BI4Q", answer))
        _check_result(life.result, 0)
        return life

    def expect_repeated(self, message: Message, count: int) -> None:
        """The message, ``count`` times over, each in a window of its own."""
        life = self.live(encode(message), count)
        if life.found != count:
            why = self._suspects(fields_of(message)) if life.found == 0 else "it is as the others"
            fail(
                f"message {life.found + 1:,} of {count:,} equal ones: {RESULTS[life.result]}",
                Diagnosis("legal-refused" if life.result == MALFORMED else "not-found", why),
            )

    def expect_no_leak(self, data: bytes, count: int = 50) -> None:
        """A reader does not hold more with each message, and leaves nothing when it is freed. (What
        the first one leaves may serve the next.)
        """
        self.live(data, count)
        life = self.live(data, count)
        rounds = count - count // 2
        if life.end - life.half >= rounds:
            fail(
                f"with each {len(data)} bytes that are read again, "
                f"{(life.end - life.half) // rounds:,} more stay on the heap",
                Diagnosis("reader-grows", "a reader owns the entries of the last message alone"),
            )
        if life.after > life.before:
            fail(
                f"a reader read {len(data)} bytes {count} times and was freed: "
                f"{life.after - life.before:,} bytes stay on the heap",
                Diagnosis("reader-leaks", "message_reader_free gives all back, the entries too"),
            )

    def expect_apart(self, one: Message, other: Message) -> None:
        """Two readers don't know each other, though both have half a message at the same time, and
        the second message is looked at when the first is decoded, too.
        """
        first, second = encode(one), encode(other)
        job = struct.pack("<I", len(first)) + first + second
        answer = self.driver.ask("b", job, "read a message with each of two readers, in turn")
        found: list[Decoded] = []
        at = 1
        while answer[0] and len(found) < 2:
            what, at = unpacked(answer, at)
            found.append(what)
        if found != [fields_of(one), fields_of(other)]:
            title, other_title = (LAYOUTS[fields_of(what).type].title for what in (one, other))
            came = "one changes what the other decoded" if found else "one is not decoded"
            fail(
                f"a {title} and a {other_title} come to two readers, half by half: {came}",
                Diagnosis("readers-share", "each connection has a reader of its own"),
            )

    def expect_linear(self, small: bytes, large: bytes, *, step: int) -> None:
        """``large`` is eight times ``small``, and takes no more than 24 times its CPU time."""
        self.driver.expect_linear("a message", small, large, step, self.new)


def _check_result(result: int, traces: int) -> None:
    """``traces``: what was written to though no message was found."""
    if result >= len(RESULTS):
        fail(
            f"message_read returns {result}, as a byte",
            Diagnosis("result", f"it is one of {', '.join(RESULTS)}"),
        )
    if result == NO_MEMORY:
        fail(
            "MESSAGE_NO_MEMORY, and there is enough",
            Diagnosis("no-memory", "nothing here needs more than a few times 16 MiB"),
        )
    if traces & 1:
        fail(
            f"{RESULTS[result]}, and *message was written to",
            Diagnosis("message-touched", "it is written only when a message is complete"),
        )
    if traces & 2:
        fail(
            f"{RESULTS[result]}, and *size was written to",
            Diagnosis("size-touched", "it is written only when a message is complete"),
        )


def _expect_not_sent(size: int, returned: int, block: bytes, why: str) -> None:
    if size != 0:
        fail(f"{why}: message_size is {size}", Diagnosis("sent", "what can't be sent has no size"))
    if returned != 0 or block.strip(b"\xa5"):
        did = f"returns {returned}" if returned else "writes to the buffer"
        fail(f"{why}: message_encode {did}", Diagnosis("sent", "nothing is written of it"))


def expect_bytes(block: bytes, wanted: bytes, message: Message) -> None:
    """The block holds ``wanted``, which is the message or nothing, and is untouched behind it."""
    found = difference(wanted.ljust(len(block), _FILL), block, "the buffer ends")
    if found is None:
        return
    if not wanted:
        why = Diagnosis("written-too-far", "what does not fit as a whole is not written at all")
    elif block.startswith(wanted):
        behind = len(block.rstrip(_FILL)) - len(wanted)
        why = Diagnosis("written-behind", f"{behind} bytes behind the message are written to")
    else:
        why = guess.cause(wanted, block, "message") or Diagnosis(
            "encoded-bytes", f"it is {message!r}"[:200]
        )
    room = f"message_encode, into {len(block)} bytes"
    raise StageFailure(
        room if wanted else f"{room}, one or more too few", difference=found, diagnosis=why
    )
