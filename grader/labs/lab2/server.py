"""The student's loop_server, and what it sleeps in."""

from __future__ import annotations

import resource
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager

from grader.errors import MachineError
from grader.labs.server import Server
from grader.labs.stage import Attempt
from grader.run import procinfo
from grader.run.isolation import MOST_DESCRIPTORS
from grader.run.program import Program
from grader.run.sandbox import Limits
from grader.verdicts import Diagnosis, StageFailure, fail

_OTHERS = 150  # descriptors beside those of the connections
BACKENDS = ("select", "epoll")
_CALLS = {
    "select": ("select", "pselect6"),
    "poll": ("poll", "ppoll"),
    "epoll": ("epoll_wait", "epoll_pwait", "epoll_pwait2"),
    "edge": ("epoll_wait", "epoll_pwait", "epoll_pwait2"),
}


def loop_server(attempt: Attempt, backend: str, **more: object) -> Server:
    """The student's server on that backend and a port of the kernel's choice."""
    more.setdefault("name", f"loop_server on {backend}")
    return Server(attempt, "loop_server", "--backend", backend, "--port", "0", **more)


@contextmanager
def on(backend: str) -> Iterator[None]:
    """A failure in here says which backend it was."""
    try:
        yield
    except StageFailure as failure:
        failure.summary = f"on {backend}: {failure.summary}"
        raise


def expect_to_sleep_in(program: Program, backend: str) -> None:
    """A program that has nothing to do sleeps in the backend's own call, as far as the kernel tells
    what it sleeps in.
    """
    allowed = [f"asleep in {call}()" for call in _CALLS[backend]]
    doing = [""]

    def settled() -> bool:
        doing[0] = procinfo.doing(program.pid)
        return doing[0] in allowed

    program.world.observe(2.0, settled)
    if doing[0].startswith("asleep in") and not settled():
        fail(
            f"with nothing to do, {program.name} is {doing[0]}",
            Diagnosis(
                "other-call",
                f"the {backend} backend waits in {' or '.join(_CALLS[backend])}, and nowhere else",
            ),
        )


def room_for(connections: int, least: int) -> int:
    """How many connections the machine has descriptors for, at either end: at most ``connections``.
    Raises MachineError where it has not even ``least``.
    """
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    most = hard if hard != resource.RLIM_INFINITY else MOST_DESCRIPTORS
    allowed = min(connections, most - _OTHERS, MOST_DESCRIPTORS - _OTHERS)
    if allowed < least:
        raise MachineError(f"{least} connections are needed, and the limit is {hard} open files")
    return allowed


def limits_for(connections: int) -> Limits:
    """A program that may have so many connections, and what else it needs."""
    return Limits(files=connections + _OTHERS)


@contextmanager
def idle_connections(server: Server, count: int) -> Iterator[list[socket.socket]]:
    """That many more connections, each known to be served: the second of two is echoed to, so a
    backlog of one is enough. They end with a RST, so that no port is left in TIME_WAIT.
    """
    made: list[socket.socket] = []
    try:
        for number in range(count):
            made.append(_connected(server, echoes=number % 2 == 1))
            if number % 500 == 0:
                server.world.turn(0)  # the program's output
        yield made
    finally:
        for connection in made:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()


def _connected(server: Server, *, echoes: bool) -> socket.socket:
    connection = socket.socket()
    connection.settimeout(5)
    try:
        connection.connect(("127.0.0.1", server.port))
        if echoes:
            connection.sendall(b"?")
            if connection.recv(1) != b"?":
                raise ConnectionError("closed")
    except OSError as error:
        connection.close()
        fail(
            f"one of so many connections is not served: {error}",
            Diagnosis("not-so-many", "is there an array with room for fewer connections?"),
        )
    return connection
