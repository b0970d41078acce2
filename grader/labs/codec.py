"""A driver from labs/host around a student's codec: jobs go in, answers come out, on a socket that
the program's own input and output have no part in.
"""

from __future__ import annotations

import socket
import struct
from functools import partial
from typing import Any

from grader.labs.stage import Attempt
from grader.run.client import Client
from grader.verdicts import Diagnosis, Hang, StageFailure

_SIZE = struct.Struct("<I")


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
            raise StageFailure(
                f"{self.program.name} {self.program.ending()} where it should {what}",
                diagnosis=Diagnosis("driver-ended", "its own words are below"),
            )
        return self._jobs.take(self._answer_end())[_SIZE.size :]

    def _answer_end(self) -> int:
        return _SIZE.size + int(_SIZE.unpack_from(self._jobs.came())[0])

    def _complete(self) -> bool:
        came = self._jobs.came()
        return len(came) >= _SIZE.size and len(came) >= self._answer_end()

    def _is_over(self) -> bool:
        return bool(self._jobs.ended) or self.program.ended()
