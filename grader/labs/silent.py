"""Listeners that do not answer, for clients that wait no longer than they were told to."""

from __future__ import annotations

import os
import socket

from grader.errors import MachineError
from grader.labs.endpoint import Listener
from grader.labs.stage import Attempt
from grader.run import tcp
from grader.run.program import Program


class Silent(Listener):
    """A listener whose queue is full: the kernel drops who asks, and who asked does not hear of it.

    listen(2): "If a connection request arrives when the queue is full [...] if the underlying
    protocol supports retransmission, the request may be ignored so that a later reattempt at
    connection succeeds."
    """

    def __init__(
        self, attempt: Attempt, family: socket.AddressFamily = socket.AF_INET, port: int = 0
    ) -> None:
        super().__init__(attempt, family, port)
        self.socket.listen(0)  # on Linux, a queue of one
        filler = socket.socket(family)
        attempt.clients.append(filler)
        filler.setblocking(False)
        filler.connect_ex(self.socket.getsockname())
        attempt.world.wait(self._is_full, "the grader's own queue to fill", every=0.005)

    def _is_full(self) -> bool:
        """What /proc/net/tcp has for unread bytes is the queue's length on a listening socket."""
        mine = os.fstat(self.socket.fileno()).st_ino
        return any(s.unread > 0 for s in tcp.sockets() if s.inode == mine)

    def attempts(self) -> int:
        """How many sockets wait for an answer from this port (SYN_SENT)."""
        sockets = (s for s in tcp.sockets() if s.peer_port == self.port)
        return sum(1 for s in sockets if s.state == tcp.SYN_SENT)

    def wait_for_attempt(self, program: Program) -> None:
        self.attempt.world.wait(
            lambda: self.attempts() > 0 or program.ended(),
            f"{program.name} to connect to port {self.port}",
            every=0.005,
        )


def twins(
    attempt: Attempt, silent: socket.AddressFamily, answers: socket.AddressFamily
) -> tuple[Silent, Listener]:
    """A silent listener and one that answers, on one port of two families."""
    for _ in range(50):
        first = Silent(attempt, silent)
        try:
            return first, Listener(attempt, answers, first.port)
        except OSError:  # somebody else has it there
            first.close()
    raise MachineError("no port is free in both families")
