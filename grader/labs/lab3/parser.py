"""The student's parser behind labs/host/resp_driver.c, and what it should find."""

from __future__ import annotations

import struct
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from grader.labs.codec import CodecDriver
from grader.labs.stage import Attempt
from grader.verdicts import Diagnosis, StageFailure, fail
from grader.wire import resp
from grader.wire.diff import difference

Words = list[bytes]
Value = Words | int | tuple[str, bytes]  # an array; an integer; the type of a text, and the text

MORE, DONE, ERROR, NO_MEMORY = range(4)
RESULTS = ("RESP_MORE", "RESP_DONE", "RESP_ERROR", "RESP_NO_MEMORY")


@dataclass(frozen=True)
class Parsed:
    """What one call of the driver found: values with the bytes that each took, and the result of
    the last call.
    """

    values: list[tuple[int, Value]]
    result: int


class _Answer:
    """Reads what the driver wrote."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def number(self, form: str) -> int:
        found: int = struct.unpack_from("<" + form, self.data, self.at)[0]
        self.at += struct.calcsize("<" + form)
        return found

    def text(self) -> bytes:
        size = self.number("I")
        self.at += size
        return self.data[self.at - size : self.at]

    def words(self) -> Words:
        return [self.text() for _ in range(self.number("I"))]


class Parser:
    """A parser of requests or of replies; one window at a time."""

    def __init__(self, attempt: Attempt, kind: str = "requests", **more: object) -> None:
        self.driver = CodecDriver(attempt, "resp_driver", **more)
        self.kind = kind
        self.new()

    def new(self) -> None:
        """The window is empty, and the parser a new one."""
        self.driver.revive()
        self._window = 0
        self.driver.ask("n", b"q" if self.kind == "requests" else b"r", "make a new parser")

    def feed(self, piece: bytes, *, growing: bool = False) -> Parsed:
        """More bytes join the window: in blocks of their exact size, or in one that grows."""
        self._window += len(piece)
        answer = _Answer(
            self.driver.ask("g" if growing else "f", piece, f"parse {len(piece)} bytes more")
        )
        values: list[tuple[int, Value]] = []
        while (result := answer.number("B")) == DONE:
            size = answer.number("I")
            if not 0 < size <= self._window:
                fail(
                    f"RESP_DONE, and size says {size} of the {self._window} bytes in the window",
                    Diagnosis("wrong-size", "size is what it took, from the window's start"),
                )
            self._window -= size
            values.append((size, self._value(answer)))
        self.driver.world.log(
            self.driver.program.name,
            f"finds {len(values)} {self.kind}, then says {RESULTS[result]}",
        )
        return Parsed(values, result)

    def _value(self, answer: _Answer) -> Value:
        if self.kind == "requests":
            return answer.words()
        kind = chr(answer.number("B"))
        if kind == ":":
            return answer.number("q")
        return answer.words() if kind == "*" else (kind, answer.text())

    def expect(
        self, pieces: Sequence[bytes], expected: list[Value], *, growing: bool = False
    ) -> None:
        """The pieces hold these values, whole: each is found with the piece that completes it."""
        ends = list(accumulate(len(encoded(value)) for value in expected))
        at = ends[-1]
        came, count = 0, 0
        for piece in pieces:
            came += len(piece)
            parsed = self.feed(piece, growing=growing)
            due = bisect_right(ends, came)
            for size, value in parsed.values:
                expect_value(value, expected, count, due)
                begin = ends[count - 1] if count else 0
                if size != ends[count] - begin:
                    fail(
                        f"{self._name(count)} takes {ends[count] - begin} bytes of the window, and "
                        f"size says {size}",
                        Diagnosis("wrong-size", "the next request starts where this one ends"),
                    )
                count += 1
            self._expect_result(parsed.result, came, at, count < due)

    def _name(self, number: int) -> str:
        return f"{self.kind.removesuffix('s')} {number + 1}"

    def _expect_result(self, result: int, came: int, size: int, is_due: bool) -> None:
        if result == ERROR:
            fail(
                f"RESP_ERROR after {came} of {size} bytes, all of which are right",
                Diagnosis(
                    "incomplete-is-error",
                    "a beginning is no error: what is missing may come with the next piece",
                ),
            )
        if result != MORE:
            fail(
                f"{RESULTS[result]} after {came} bytes",
                Diagnosis("no-memory", "there is memory: what is asked for, and how much of it?"),
            )
        if is_due:
            fail(
                f"RESP_MORE after {came} bytes, though a {self.kind.removesuffix('s')} is complete",
                Diagnosis("not-found", "its last byte is there: nothing more may be waited for"),
            )

    def expect_error(self, good: bytes, bad: bytes, due: int, why: str) -> None:
        """After ``good`` requests, ``bad`` is an error by its byte number ``due`` (counted from 1),
        however it is cut; the good ones are found before, and the error stays.
        """
        count = len(resp.Decoder().feed(good))
        for pieces in ([good + bad], [good, bad], [bytes([byte]) for byte in good + bad]):
            self.new()
            came, found = 0, 0
            for piece in pieces:
                parsed = self.feed(piece)
                came += len(piece)
                found += len(parsed.values)
                if parsed.result == ERROR:
                    break
                if came >= len(good) + due:
                    raise StageFailure(
                        f"{why}: no RESP_ERROR after {shown(bad[: came - len(good)])}",
                        diagnosis=Diagnosis("accepted", f"{why}: nothing after it can be trusted"),
                    )
            if found != count:
                fail(
                    f"{why}: {found} requests are found before the error, and {count} are there",
                    Diagnosis("before-the-error", "what came before the error counts"),
                )
            if self.feed(b"*1\r\n$1\r\nx\r\n").result != ERROR:
                fail(
                    f"{why}: RESP_ERROR, and then it goes on",
                    Diagnosis("error-forgotten", "an error sticks: no boundary can be trusted"),
                )

    def expect_linear(self, what: str, small: bytes, large: bytes, step: int) -> None:
        """``large`` is eight times ``small``, and takes no more than 24 times its CPU time."""
        self.driver.expect_linear(what, small, large, step, self.new)

    def write_array(self, words: Words, room: int) -> tuple[int, bytes]:
        """What resp_write_array returns, and the whole buffer after it."""
        payload = struct.pack("<II", room, len(words))
        payload += b"".join(struct.pack("<I", len(word)) + word for word in words)
        return _written(
            self.driver.ask("a", payload, f"write {len(words)} words into {room} bytes")
        )

    def write_integer(self, number: int, room: int) -> tuple[int, bytes]:
        payload = struct.pack("<Iq", room, number)
        return _written(self.driver.ask("i", payload, f"write {number} into {room} bytes"))


def _written(answer: bytes) -> tuple[int, bytes]:
    return int(struct.unpack_from("<Q", answer)[0]), answer[8:]


def encoded(value: Value) -> bytes:
    if isinstance(value, int):
        return b":%d\r\n" % value
    if isinstance(value, tuple):
        return value[0].encode() + value[1] + b"\r\n"
    return resp.encode_request(value)


def expect_value(value: Value, expected: list[Value], number: int, due: int) -> None:
    """Value ``number`` is the expected one, and is complete by now."""
    if number >= due:
        fail(
            f"something is found that is not complete yet: {shown(value)}",
            Diagnosis("too-early", "the last CR LF belongs to it"),
        )
    wanted = expected[number]
    if value == wanted:
        return
    if isinstance(value, list) and isinstance(wanted, list):
        _expect_words(value, wanted, number)
    raise StageFailure(
        f"number {number + 1} is {shown(value)}, and should be {shown(wanted)}",
        diagnosis=Diagnosis("other-value", "the bytes mean something else"),
    )


def _expect_words(words: Words, wanted: Words, number: int) -> None:
    if len(words) != len(wanted):
        fail(
            f"request {number + 1} has {len(wanted)} words, and count says {len(words)}",
            Diagnosis("word-count", "the number behind '*' is the number of words"),
        )
    for at, (word, its) in enumerate(zip(words, wanted, strict=True)):
        found = difference(its, word, "the word ends")
        if found is not None:
            raise StageFailure(
                f"word {at + 1} of request {number + 1} differs",
                difference=found,
                diagnosis=Diagnosis("word-bytes", "words keep their bytes exactly"),
            )


def shown(value: object, most: int = 60) -> str:
    text = repr(value)[1:] if isinstance(value, bytes) else repr(value)
    return text if len(text) <= most else text[:most] + "…"
