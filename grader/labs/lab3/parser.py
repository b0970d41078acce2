"""The student's parser behind labs/host/resp_driver.c, and what it should find."""

from __future__ import annotations

import os
import struct
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

from grader.labs.codec import CodecDriver, packed_words
from grader.labs.stage import Attempt
from grader.verdicts import Diagnosis, StageFailure, fail
from grader.wire import resp
from grader.wire.annotate import quoted
from grader.wire.diff import difference
from grader.wire.walk import counted

Words = list[bytes]
Value = Words | int | tuple[str, bytes]  # an array; an integer; the type of a text, and the text

MORE, DONE, ERROR, NO_MEMORY = range(4)
RESULTS = ("RESP_MORE", "RESP_DONE", "RESP_ERROR", "RESP_NO_MEMORY")
ONE = {"requests": "request", "replies": "reply"}
_PAGE = os.sysconf("SC_PAGE_SIZE")


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
        """In one loop, since there may be a million."""
        count, found = self.number("I"), Words()
        at, data = self.at, self.data
        if count > len(data) // 4:
            raise ValueError(f"{count} words in {len(data)} bytes")
        for _ in range(count):
            begin = at + 4
            at = begin + int.from_bytes(data[at:begin], "little")
            found.append(data[begin:at])
        self.at = at
        return found


class Parser:
    """A parser of requests or of replies; one window at a time."""

    def __init__(self, attempt: Attempt, kind: str = "requests", **more: object) -> None:
        self.driver = CodecDriver(attempt, "resp_driver", **more)
        self.kind, self.one = kind, ONE[kind]
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
        if result >= len(RESULTS):
            fail(
                f"the result is {result}, which is none of enum resp_result",
                Diagnosis("no-result", "RESP_MORE, RESP_DONE, RESP_ERROR or RESP_NO_MEMORY"),
            )
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
        came, count = 0, 0
        for piece in pieces:
            came += len(piece)
            parsed = self.feed(piece, growing=growing)
            due = bisect_right(ends, came)
            for size, value in parsed.values:
                self._expect_value(value, expected, count, due)
                begin = ends[count - 1] if count else 0
                if size != ends[count] - begin:
                    fail(
                        f"{self.one} {count + 1} takes {ends[count] - begin} bytes of the window, "
                        f"and size says {size}",
                        Diagnosis("wrong-size", f"the next {self.one} starts where this one ends"),
                    )
                count += 1
            if parsed.result == ERROR:
                self._fail_refused(pieces, expected, came, count)
            self._expect_more(parsed.result, came, count < due)

    def _fail_refused(
        self, pieces: Sequence[bytes], expected: list[Value], came: int, count: int
    ) -> None:
        """Legal bytes are an error, behind ``count`` that were found: because the rest of them is
        missing, or in any case?
        """
        data = b"".join(pieces)
        summary = f"RESP_ERROR after {came} of {len(data)} bytes, all of which are right"
        begin = sum(len(encoded(value)) for value in expected[:count])
        if begin == came:
            fail(
                f"{summary}: {self.one} {count} ended the window, which is empty now",
                Diagnosis("incomplete-is-error", "an empty window is a beginning too"),
            )
        is_whole = came >= begin + len(encoded(expected[count]))
        self.new()
        if is_whole or len(self.feed(data).values) < len(expected):
            fail(
                f"{summary}: {self.one} {count + 1} is {shown(data[begin:])}",
                Diagnosis("legal-refused", f"a legal {self.one}: which byte of it is refused?"),
            )
        fail(
            f"{summary}: the window is {shown(data[begin:came])}",
            Diagnosis(
                "incomplete-is-error",
                "a beginning is no error: what is missing may come with the next piece",
            ),
        )

    def _expect_more(self, result: int, came: int, is_due: bool) -> None:
        if result != MORE:
            fail(
                f"{RESULTS[result]} after {came} bytes",
                Diagnosis("no-memory", "there is memory: what is asked for, and how much of it?"),
            )
        if is_due:
            fail(
                f"RESP_MORE after {came} bytes, though a {self.one} is complete",
                Diagnosis("not-found", "its last byte is there: nothing more may be waited for"),
            )

    def _expect_value(self, value: Value, expected: list[Value], number: int, due: int) -> None:
        """Value ``number`` is the expected one, and is complete by now."""
        name = f"{self.one} {number + 1}"
        if number >= due:
            fail(
                f"{name} is found, {shown(value)}, when only {due} are complete",
                Diagnosis("too-early", "the last CR LF belongs to it"),
            )
        wanted = expected[number]
        if value == wanted:
            return
        if isinstance(value, list) and isinstance(wanted, list):
            _expect_words(value, wanted, name)
        fail(
            f"{name} is {shown(value)}, and should be {shown(wanted)}",
            Diagnosis("other-value", "the bytes mean something else"),
        )

    def expect_error(self, good: list[Value], bad: bytes, due: int, why: str) -> None:
        """Behind ``good``, ``bad`` is an error by its byte number ``due`` (counted from 1), however
        it is cut; the good ones are found before, and the error stays.
        """
        data = b"".join(map(encoded, good))
        for pieces in ([data + bad], [data, bad], [bytes([byte]) for byte in data + bad]):
            self.new()
            self._expect_error(pieces, good, due, why)
            if self.feed(b"*1\r\n$1\r\nx\r\n").result != ERROR:
                fail(
                    f"{why}: RESP_ERROR, and then it goes on",
                    Diagnosis("error-forgotten", "an error sticks: no boundary can be trusted"),
                )

    def _expect_error(self, pieces: Sequence[bytes], good: list[Value], due: int, why: str) -> None:
        begin = sum(len(encoded(value)) for value in good)
        came, found, result = b"", list[Value](), MORE
        for piece in pieces:
            parsed = self.feed(piece)
            came, result = came + piece, parsed.result
            found += [value for _, value in parsed.values]
            if result == ERROR or len(came) >= begin + due:
                break
        if len(found) > len(good):
            fail(
                f"{why}: it is taken for the {self.one} {shown(found[len(good)])}",
                Diagnosis("accepted", f"{why}: nothing in it or after it can be trusted"),
            )
        if result != ERROR:
            fail(
                f"{why}: {RESULTS[result]} after {shown(came[begin:])}, and RESP_ERROR is due",
                Diagnosis("accepted", f"{why}: nothing after it can be trusted"),
            )
        if len(found) < len(good):
            fail(
                f"{why}: RESP_ERROR, though {shown(good[len(found)])} stands before it",
                Diagnosis("before-the-error", "what came before the error counts"),
            )

    def parse_again(self, data: bytes, times: int) -> None:
        """Whole requests, with the parser as it is; nothing is looked at."""
        self.driver.ask("t", struct.pack("<I", times) + data, f"parse them {times:,} times over")

    def address_space(self) -> int:
        """Bytes that the driver has taken, whether it has used them or not: proc_pid_statm(5)."""
        statm = Path(f"/proc/{self.driver.program.pid}/statm")
        return int(statm.read_text().split()[0]) * _PAGE

    def expect_linear(self, what: str, small: bytes, large: bytes, step: int) -> None:
        """``large`` is eight times ``small``, and takes no more than 24 times its CPU time."""
        self.driver.expect_linear(what, small, large, step, self.new)

    def write_array(self, words: Words, room: int) -> tuple[int, bytes]:
        """What resp_write_array returns, and the whole buffer after it."""
        payload = struct.pack("<I", room) + packed_words(words)
        return _written(
            self.driver.ask("a", payload, f"write {len(words)} words into {room} bytes")
        )

    def write_integer(self, number: int, room: int) -> tuple[int, bytes]:
        payload = struct.pack("<Iq", room, number)
        return _written(self.driver.ask("i", payload, f"write {number} into {room} bytes"))


def _expect_words(words: Words, wanted: Words, name: str) -> None:
    if len(words) != len(wanted):
        fail(
            f"{name} has {counted(len(wanted), 'word')}, and count says {len(words)}",
            Diagnosis("word-count", "the number behind '*' is the number of words"),
        )
    for at, (word, its) in enumerate(zip(words, wanted, strict=True)):
        found = difference(its, word, "the word ends")
        if found is not None:
            raise StageFailure(
                f"word {at + 1} of {name} differs",
                difference=found,
                diagnosis=Diagnosis("word-bytes", "words keep their bytes exactly"),
            )


def _written(answer: bytes) -> tuple[int, bytes]:
    return int(struct.unpack_from("<Q", answer)[0]), answer[8:]


def encoded(value: Value) -> bytes:
    if isinstance(value, int):
        return b":%d\r\n" % value
    if isinstance(value, tuple):
        return value[0].encode() + value[1] + b"\r\n"
    return resp.encode_request(value)


def shown(value: object, most: int = 60) -> str:
    """A value of either side as in the protocol, with its bytes in double quotes and escapes:
    *2 "GET" "k", :7, +"OK"; what would be longer than ``most`` is cut.
    """
    match value:
        case bytes():
            return quoted(value)
        case int():
            return f":{value}"
        case (str() as kind, bytes() as text):
            return quoted(kind.encode("latin-1"))[1:-1] + quoted(text)
        case [*words]:
            line = " ".join([f"*{len(words)}", *map(shown, words[:most])])
            return line if len(line) <= most else line[:most] + "…"
    return quoted(str(value).encode())
