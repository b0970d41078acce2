"""A student's client: the grader is its terminal."""

from __future__ import annotations

import socket
from typing import Any

from grader.labs.stage import Attempt
from grader.run.client import Client
from grader.verdicts import Diagnosis, Hang, fail


class Terminal:
    """A client with the grader at its stdin and stdout. Both are one socket, so that the grader can
    end its input, and stop reading what it prints; ``stdin`` is another file for its input.
    """

    def __init__(
        self, attempt: Attempt, program: str, *args: str, stdin: int | None = None, **more: Any
    ) -> None:
        ours, theirs = socket.socketpair()
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)  # soon full if nobody reads
        self.program = attempt.start(program, *args, stdio=theirs, stdin=stdin, **more)
        theirs.close()
        self.keyboard = Client(attempt.world, ours, "the terminal", peer=program)
        self.keyboard.over = self.program.ended
        attempt.clients.append(self.keyboard)

    def expect_status(self, wanted: int, why: str, words: bool = False) -> None:
        try:
            status = self.program.wait_end()
        except Hang as hang:
            hang.diagnosis = Diagnosis("does-not-end", f"{why}: it should exit with {wanted} now")
            raise
        if status != wanted:
            fail(
                f"{why}: exit status {wanted} is expected, and {self.program.name} "
                f"{self.program.ending()}",
                Diagnosis("exit-status", "the exit status is all that a script sees of a client"),
            )
        if words and self.program.stderr.size == 0:
            fail(
                f"{why}, and stderr has no word of it",
                Diagnosis("silent-error", "a user would not know what went wrong"),
            )
