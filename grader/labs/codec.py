"""A driver from labs/host around a student's codec: jobs go in, answers come out, on a socket that
the program's own input and output have no part in.
"""

from __future__ import annotations

import socket
import struct
import traceback
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from grader.labs.stage import Attempt
from grader.run import procinfo
from grader.run.client import Client
from grader.verdicts import Diagnosis, Hang, StageFailure, fail

_SIZE = struct.Struct("<I")

QUADRATIC = Diagnosis(
    "quadratic",
    "with each piece it begins again at the start: keep how far it got, and go on there",
)


# Where answers are taken to pieces.
_READERS = ("codec.py", "lab3/parser.py", "lab4/codec.py", "lab4/decoded.py", "lab6/storage.py")


def foreign_answer(error: BaseException) -> StageFailure | None:
    """What it is to the student that an answer could not be taken to pieces: the given programs
    answer as their heads say, so a module has answered in their place. None for all other errors.
    """
    if not isinstance(error, struct.error | LookupError | ValueError | OverflowError):
        return None
    where = Path(traceback.extract_tb(error.__traceback__)[-1].filename)
    labs = Path(__file__).parent
    is_short = isinstance(error, struct.error) and "unpack" in str(error) and labs in where.parents
    if not is_short and where not in (labs / name for name in _READERS):
        return None
    return StageFailure(
        "an answer is none that the given program gives",
        diagnosis=Diagnosis(
            "foreign-answer", "a module of yours writes to descriptor 3, which is not its own"
        ),
    )


def packed_text(data: bytes) -> bytes:
    """As the drivers take and give bytes: u32 size, and the bytes."""
    return _SIZE.pack(len(data)) + data


def packed_words(words: Sequence[bytes]) -> bytes:
    return _SIZE.pack(len(words)) + b"".join(map(packed_text, words))


class CodecDriver:
    """A given program that takes jobs on descriptor 3 (see the head of its file) and answers each
    in turn.
    """

    def __init__(self, attempt: Attempt, program: str, **more: Any) -> None:
        self.attempt, self.world = attempt, attempt.world
        self._start = partial(attempt.start, program, name=program, **more)
        self.start()

    def start(self) -> None:
        ours, theirs = socket.socketpair()
        self.program = self._start(jobs=theirs)
        theirs.close()
        self._jobs = Client(self.world, ours, "the grader", peer=self.program.name, silent=True)
        self.attempt.clients.append(self._jobs)

    def revive(self) -> None:
        """Starts it anew where it has ended."""
        if self._is_over():
            self.program.close()
            self.attempt.programs.remove(self.program)
            self.start()

    def ask(self, op: str, payload: bytes, what: str) -> bytes:
        """Gives a job and waits for its answer; ``what`` says in the transcript what the student's
        code has to do.
        """
        self.world.log(self.program.name, f"is to {what}", payload)
        self._jobs.send(_SIZE.pack(1 + len(payload)) + op.encode() + payload)
        try:
            self.world.wait(lambda: self._complete() or self._is_over(), what)
        except Hang as hang:
            hang.diagnosis = Diagnosis(
                "codec-hangs", f"a function of yours does not return: {self.program.state()}"
            )
            raise
        if not self._complete():
            self.world.observe(1, self.program.ended)
            raise StageFailure(
                f"{self.program.name} {self.program.ending()} where it should {what}",
                diagnosis=Diagnosis("driver-ended", "its own words are below"),
            )
        return self._jobs.take(self._answer_end())[_SIZE.size :]

    def memory(self) -> int:
        """Bytes that the program holds."""
        return procinfo.proportional_bytes(self.program.pid)

    def expect_memory(self, before: int, bound: int, announced: str) -> None:
        """``announced`` made it hold at most so many bytes more than ``before``."""
        grown = self.memory() - before
        if grown > bound:
            fail(
                f"{announced} takes {grown >> 20} MiB of memory",
                Diagnosis(
                    "memory-announced",
                    "memory grows with the bytes that came, not with the length that was announced",
                ),
            )

    def expect_linear(
        self, what: str, small: bytes, large: bytes, step: int, renew: Callable[[], None]
    ) -> None:
        """``large`` is eight times ``small``; shown ``step`` bytes at a time it takes no more than
        24 times the CPU time. ``renew`` comes before each.
        """
        times = []
        for data in (small, large):
            renew()
            job = struct.pack("<II", 1, step) + data
            try:
                answer = self.ask("c", job, f"take {what}: {len(data):,} bytes, {step} at a time")
            except Hang as hang:
                hang.diagnosis = QUADRATIC
                raise
            times.append(struct.unpack("<Q", answer)[0] / 1e9)
        if times[1] > 0.5 and times[1] > 24 * times[0]:
            fail(
                f"{what}, {step} bytes at a time: {len(small):,} bytes take {times[0]:.2f} s, "
                f"{len(large):,} bytes {times[1]:.2f} s",
                QUADRATIC,
            )

    def _answer_end(self) -> int:
        return _SIZE.size + int(_SIZE.unpack_from(self._jobs.came())[0])

    def _complete(self) -> bool:
        came = self._jobs.came()
        return len(came) >= _SIZE.size and len(came) >= self._answer_end()

    def _is_over(self) -> bool:
        return bool(self._jobs.ended) or self.program.ended()
