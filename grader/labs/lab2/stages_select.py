"""Lab 2, over select: the echo server's bytes, its clients, and what it keeps for them."""

from __future__ import annotations

from grader.labs.scenes import expect_echo
from grader.labs.server import Server
from grader.labs.stage import Attempt, stage


def loop_server(attempt: Attempt, backend: str, **more: object) -> Server:
    """The student's server on that backend and a port of the kernel's choice."""
    more.setdefault("name", f"loop_server on {backend}")
    return Server(attempt, "loop_server", "--backend", backend, "--port", "0", **more)


@stage("2.1", "Select: echo", points=8, see="lab2#select", source="select(2); RFC 862")
def test_select_echo(attempt: Attempt) -> None:
    """A server sends back what it receives, and sleeps in select() until there is something."""
    client = loop_server(attempt, "select").connect()
    expect_echo(client, b"hello")
