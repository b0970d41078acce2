"""A student's server: started, known to listen, and connected to."""

from __future__ import annotations

import errno
import os
import re
import selectors
import socket
from typing import Any, NoReturn

from grader.errors import MachineError
from grader.labs.stage import Attempt
from grader.report import escape
from grader.run import procinfo
from grader.run.client import Client
from grader.run.ports import swapped_bytes
from grader.run.program import Program
from grader.verdicts import Diagnosis, Hang, StageFailure, fail

_READY = re.compile(rb"^listening on (\S+):(\d{1,5})\r?$", re.MULTILINE)


def byte_order(port: int, swapped: int) -> Diagnosis:
    """Two ports that are each other with their bytes swapped."""
    return Diagnosis(
        "port-byte-order",
        f"{port} is {port:#06x}, {swapped} is {swapped:#06x}: the two bytes are swapped. htons or "
        "ntohs is missing",
    )


class Server:
    """A program that prints ``listening on ADDRESS:PORT`` once it is ready. Starts at
    construction.
    """

    def __init__(self, attempt: Attempt, program: str, *args: str, **more: Any) -> None:
        self.attempt, self.world = attempt, attempt.world
        self._build = more.get("build", "judge")
        self.program: Program = attempt.start(program, *args, **more)
        self.port = self._wait_until_ready()
        self._clients = 0

    def _wait_until_ready(self) -> int:
        program = self.program

        def line() -> re.Match[bytes] | None:
            whole_lines = bytes(program.stdout.head).rpartition(b"\n")[0]
            return _READY.search(whole_lines)

        try:
            self.world.wait(
                lambda: line() is not None or program.ended(),
                f"the line 'listening on ADDRESS:PORT' from {program.name}",
            )
        except Hang as hang:
            hang.diagnosis = self._why_silent()
            raise
        found = line()
        fatal = b"FATAL: ThreadSanitizer" in program.stderr.kept()
        if found is None and fatal and self._build == "threads":
            raise MachineError(
                "ThreadSanitizer does not run here: addresses can't be kept from being randomized"
            )
        if found is None:
            raise StageFailure(
                f"{program.name} {program.ending()} before it said that it listens",
                diagnosis=Diagnosis(
                    "ended-at-start", "it ended instead of listening: its own words are below"
                ),
            )
        port = int(found[2])
        if not 1 <= port <= 65535:
            fail(
                f"it says that it listens on port {port}",
                Diagnosis("wrong-port", "the kernel chose a port: getsockname(2) knows which"),
            )
        return port

    def _why_silent(self) -> Diagnosis:
        """Tells a server that listens in silence from one that does not listen."""
        said = bytes(self.program.stdout.head)
        ports = procinfo.listening_ports(self.program.pid)
        if ports and not said:
            return Diagnosis(
                "line-not-flushed",
                f"it listens on port {ports[0]}, and nothing came on stdout. Into a pipe, stdio "
                "keeps a line in its buffer until that is "
                "full: fflush(stdout)",
            )
        if said:
            shown = escape.one_line(said, 60)
            return Diagnosis(
                "line-malformed",
                f"it said '{shown}'; one line is expected: 'listening on ADDRESS:PORT'",
            )
        if ports:
            return Diagnosis("line-missing", f"it listens on port {ports[0]}, but does not say so")
        return Diagnosis(
            "not-listening", "it has no listening socket: socket, bind and listen come first"
        )

    def connect(self, *, receive_buffer: int | None = None, wait: bool = True) -> Client:
        """A new connection. ``receive_buffer`` is SO_RCVBUF in bytes, which bounds what the kernel
        takes unread.

        Without ``wait`` it may still be on its way: a full backlog, or a stopped server, is no
        failure then.
        """
        self._clients += 1
        connection = socket.socket()
        if receive_buffer is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setblocking(False)
        name = f"client {self._clients}"
        self.world.log(name, "connects")
        error = connection.connect_ex(("127.0.0.1", self.port))
        if wait and error == errno.EINPROGRESS:
            error = self._finish_connecting(connection, name)
        if error not in (0, errno.EINPROGRESS):
            connection.close()
            self._refused(name, error)
        client = Client(self.world, connection, name)
        self.attempt.clients.append(client)
        return client

    def come_to_rest(self, client: Client) -> None:
        """Waits until the program sleeps and the kernel takes no more of what ``client`` sends; at
        most two seconds, for a program that never sleeps. No pass may depend on it.
        """
        unchanged = 0
        for _ in range(500):
            before = client.queued()
            self.world.observe(0.004, lambda: False)
            rests = client.queued() == before and not self.program.runs()
            unchanged = unchanged + 1 if rests else 0
            if unchanged == 3:
                return

    def _finish_connecting(self, connection: socket.socket, name: str) -> int:
        done = False

        def on_event(_: int) -> None:
            nonlocal done
            done = True

        self.world.watch(connection, selectors.EVENT_WRITE, on_event)
        self.world.wait(lambda: done, f"the connection of {name}")
        self.world.watch(connection, 0, on_event)
        return connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)

    def _refused(self, name: str, error: int) -> NoReturn:
        """Ends the stage: nobody takes connections, or not there."""
        self.world.observe(0.5, self.program.ended)
        if self.program.ended():
            fail(
                f"{name} can't connect: {self.program.name} has {self.program.ending()}",
                Diagnosis("ended-early", "the server ended while it should serve on"),
            )
        ports = procinfo.listening_ports(self.program.pid)
        swapped = swapped_bytes(self.port)
        if self.port not in ports and swapped in ports:
            fail(
                f"it says port {self.port}, but listens on port {swapped}",
                byte_order(self.port, swapped),
            )
        if ports and self.port not in ports:
            fail(
                f"it says port {self.port}, but listens on port {ports[0]}",
                Diagnosis(
                    "wrong-port",
                    "the port on the line is not the socket's own: getsockname(2) knows it",
                ),
            )
        fail(
            f"{name} can't connect to 127.0.0.1:{self.port}: {os.strerror(error)}",
            Diagnosis(
                "refused",
                "the line was printed, but nobody listens there (not yet, or not any more)",
            ),
        )
