"""The same streams through a tree's codec, in its driver, and through the grader's own, which was
written apart from it: the same values, found with the same piece, and the same verdict.

What the grader's codec finds is written as the driver should answer, and the bytes are compared.
"""

from __future__ import annotations

import socket
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from grader.fuzz.cases import MESSAGES, REPLIES, REQUESTS, Case, make
from grader.labs.codec import packed_text, packed_words
from grader.labs.lab4.decoded import fields_of, packed
from grader.wire import messages, resp
from grader.wire.table import LAYOUTS

_MORE, _DONE, _ERROR = range(3)
_VERDICTS = ("MORE", "DONE", "ERROR")
_BATCH = 300  # cases that are on their way at once
_SECONDS = 60.0  # without an answer
DRIVERS = {REQUESTS: "resp_driver", REPLIES: "resp_driver", MESSAGES: "message_driver"}


@dataclass(frozen=True)
class Finding:
    """A case, and where the two disagree."""

    case: Case
    words: str


class _Ended(Exception):
    """The driver closed its descriptor, or does not answer."""


class _Driver:
    """A driver of labs/host, outside of any sandbox."""

    def __init__(self, program: Path) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", 'exec "$0" 3<&0 </dev/null', str(program)],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
            )
        ours.settimeout(_SECONDS)
        self._socket = ours
        self._stream = ours.makefile("rb")

    def send(self, jobs: bytes) -> None:
        """In the background: both sides may have more to say than a socket holds."""
        threading.Thread(target=self._send, args=(jobs,), daemon=True).start()

    def _send(self, jobs: bytes) -> None:
        with suppress(OSError):  # the reader of the answers sees it too
            self._socket.sendall(jobs)

    def answer(self) -> bytes:
        """The next one. Raises _Ended."""
        try:
            size = self._stream.read(4)
            answer = self._stream.read(int.from_bytes(size, "little"))
        except OSError as error:
            raise _Ended(f"no answer within {_SECONDS:.0f} s") from error
        if len(size) < 4 or len(answer) < int.from_bytes(size, "little"):
            raise _Ended("the driver ended")
        return answer

    def close(self) -> str:
        """What it said on standard error."""
        self._stream.close()
        self._socket.close()
        self._process.kill()
        said: bytes = self._process.communicate()[1]
        return said.decode(errors="replace")


def run(
    drivers: dict[str, Path], cases: int, seed: int, say: Callable[[int], None]
) -> Iterator[Finding]:
    """Findings in ``cases`` cases; ``drivers`` are built programs by name. After one that ended a
    driver, a new one goes on with the next batch. ``say`` is told how many cases are done.
    """
    started: dict[str, _Driver] = {}
    numbers = iter(range(cases))
    try:
        while batch := [make(seed, number) for number in islice(numbers, _BATCH)]:
            for name in dict.fromkeys(DRIVERS.values()):
                if name not in started:
                    started[name] = _Driver(drivers[name])
                finding = _run_batch(
                    started[name], [case for case in batch if DRIVERS[case.kind] == name]
                )
                if finding is not None:
                    words = started.pop(name).close().strip()
                    yield Finding(finding.case, "\n".join(filter(None, (finding.words, words))))
            say(batch[-1].number + 1)
    finally:
        for driver in started.values():
            driver.close()


def _run_batch(driver: _Driver, cases: list[Case]) -> Finding | None:
    """The first case in which the two disagree. After that the driver is of no more use."""
    driver.send(b"".join(map(_jobs, cases)))
    for case in cases:
        try:
            driver.answer()
            for number, expected in enumerate(_expected(case)):
                answer = driver.answer()
                if case.kind == MESSAGES:
                    answer = answer[:-1]  # what was written to in vain: not compared here
                if not expected.allows(answer):
                    return Finding(case, f"after piece {number + 1}: {expected.told(answer)}")
        except _Ended as ended:
            return Finding(case, str(ended))
    return None


def _jobs(case: Case) -> bytes:
    """A new parser, and the pieces."""
    new = {REQUESTS: b"nq", REPLIES: b"nr", MESSAGES: b"n"}[case.kind]
    jobs = [new, *(b"f" + piece for piece in _pieces(case))]
    return b"".join(len(job).to_bytes(4, "little") + job for job in jobs)


def _pieces(case: Case) -> tuple[bytes, ...]:
    """A bad line may be refused as late as by its CR LF, so one comes last."""
    return case.pieces if case.kind == MESSAGES else (*case.pieces, b"\r\n")


@dataclass(frozen=True)
class _Expected:
    """The answer to one piece: the values, as the driver writes them, and the verdict on the
    ``rest`` of the window. An error that is not ``due`` yet may be told later, and one that only
    the end of a message shows to the grader may be told sooner.
    """

    kind: str
    found: bytes
    verdict: int
    due: bool
    rest: bytes
    values: list[Any]
    reason: str

    def allows(self, answer: bytes) -> bool:
        said = answer.removeprefix(self.found)
        if said == bytes([self.verdict]):
            return True
        if self.verdict == _ERROR:
            return not self.due and said == bytes([_MORE])
        return said == bytes([_ERROR]) and self.kind == MESSAGES and _is_doomed(self.rest)

    def told(self, answer: bytes) -> str:
        why = f" ({self.reason})" if self.reason else ""
        expected = self.found + bytes([self.verdict])
        return (
            f"the grader finds {self.values} and says {_VERDICTS[self.verdict]}{why};\n"
            f"expected from the driver: {expected.hex(' ')}\n"
            f"its answer:               {answer.hex(' ')}"
        )


def _expected(case: Case) -> Iterator[_Expected]:
    """For each piece."""
    decoder: Any = {
        REQUESTS: resp.Decoder, REPLIES: resp.ReplyDecoder, MESSAGES: messages.Decoder
    }[case.kind]()  # fmt: skip
    pieces = _pieces(case)
    tell = _ANSWERS[case.kind]
    window = b""
    verdict, reason, due = _MORE, "", True
    for number, piece in enumerate(pieces):
        window += piece
        values: list[Any] = []
        if verdict == _MORE:
            try:
                values = decoder.feed(piece)
            except (resp.ProtocolError, messages.Malformed) as fault:
                values, verdict, reason = fault.before, _ERROR, str(fault)
        answers = list(map(tell, values))
        found = b"".join(answer for _, answer in answers)
        window = window[sum(size for size, _ in answers) :]
        if verdict == _ERROR:
            last = number == len(pieces) - 1
            due = _message_is_due(window) if case.kind == MESSAGES else last
        yield _Expected(case.kind, found, verdict, due, window, values, reason)


def _message_is_due(window: bytes) -> bool:
    """An error is told when header or payload are there: that of the two in which it is."""
    if len(window) < messages.HEADER_SIZE:
        return False
    number, size = struct.unpack_from("<II", window)
    layout = LAYOUTS.get(number)
    if layout is None or not layout.size <= size <= messages.LARGEST_PAYLOAD:
        return True
    is_whole = len(window) >= messages.HEADER_SIZE + size
    return is_whole or (size != layout.size and not layout.entries)


def _is_doomed(window: bytes) -> bool:
    """The message can't be right, whatever follows: it is not, with this or that to its end."""
    size = int.from_bytes(window[4:8], "little") if len(window) >= messages.HEADER_SIZE else 0
    missing = max(0, messages.HEADER_SIZE + size - len(window))
    for rest in (bytes(missing), b"\1" * missing):
        with suppress(messages.Malformed):
            messages.Decoder().feed(window + rest)
            return False
    return missing > 0


# --- values as the drivers write them: their size in the stream, and the answer ---


def _answer(data: bytes, about: bytes) -> tuple[int, bytes]:
    return len(data), struct.pack("<BI", _DONE, len(data)) + about


def _request(words: list[bytes]) -> tuple[int, bytes]:
    return _answer(resp.encode_request(words), packed_words(words))


def _reply(reply: Any) -> tuple[int, bytes]:
    match reply:
        case int():
            about = struct.pack("<cq", b":", reply)
        case resp.Simple(text) | resp.Failure(text):
            about = (b"+" if isinstance(reply, resp.Simple) else b"-") + packed_text(text)
        case _:
            about = b"*" + packed_words(reply)
    return _answer(resp.encode_reply(reply), about)


def _message(message: messages.Message) -> tuple[int, bytes]:
    return _answer(messages.encode(message), packed(fields_of(message)))


_ANSWERS: dict[str, Callable[[Any], tuple[int, bytes]]] = {
    REQUESTS: _request,
    REPLIES: _reply,
    MESSAGES: _message,
}
