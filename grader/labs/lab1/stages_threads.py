"""Lab 1, extensions: a thread for each connection, and one that logs."""

from __future__ import annotations

import re

from grader.labs.scenes import (
    expect_echo,
    reset_after_the_end,
    reset_in_the_middle,
    reset_when_idle,
    served_client,
)
from grader.labs.server import Server
from grader.labs.stage import Attempt, stage
from grader.labs.usage import expect_usage
from grader.run.client import Client
from grader.verdicts import Diagnosis, Hang, fail

MIXED = Diagnosis(
    "log-mixed",
    "a record names another connection than the one it came from: is its memory shared between "
    "threads?",
)
_LINE = re.compile(rb"127\.0\.0\.1:(\d{1,18}) (\d{1,18}) bytes|dropped (\d{1,18}) bytes")


@stage(
    "1.19",
    "A thread per connection, one logger",
    points=10,
    see="lab1#threads",
    source="pthread_create(3), pthread_cond_wait(3)",
    extension=True,
    program="echo_threads",
    seconds=20,
)
def test_threads(attempt: Attempt) -> None:
    """Each connection has a thread; one logger prints what they read, through a bounded queue.
    Echoes never wait for the logger: what finds the queue full is counted as dropped. Clean under
    ThreadSanitizer.
    """
    server = Server(attempt, "echo_threads", "--port", "0", build="threads")
    clients = [served_client(server) for _ in range(8)]
    for round in range(1, 6):
        for number, client in enumerate(clients):
            client.send(bytes(round * 10 + number))
        for number, client in enumerate(clients):
            client.expect(bytes(round * 10 + number))
    expect_logged(server, clients)
    read = len(log_lines(server))
    server.program.pause_output(4096)
    for round in range(60):
        for client in clients:
            expect_echo(client, bytes(1 + round))
    for client in clients[:4]:
        client.finish_sending()
        client.expect_end()
    server.program.read_output()
    expect_logged(server, clients)
    expect_order(log_lines(server)[read:])
    for rude in (reset_when_idle, reset_in_the_middle, reset_after_the_end):
        rude(server)
    expect_usage(
        attempt, "echo_threads", *([], ["--port"], ["--port", "x"], ["--port", "0", "--nonsense"])
    )
    expect_echo(clients[-1], b"still here")


def expect_order(lines: list[tuple[int, int, int]]) -> None:
    """While the log stood still, each piece was a byte longer than the one before it."""
    if not any(dropped for _, _, dropped in lines):
        fail(
            "the log stood still for 480 pieces, and not one was dropped",
            Diagnosis("queue-unbounded", "a queue without a bound grows as long as nobody takes"),
        )
    for port in {port for port, _, _ in lines if port}:
        sizes = [size for other, size, _ in lines if other == port]
        if sizes != sorted(sizes):
            fail(
                f"the lines of port {port} are not in the order of its pieces: {sizes[:8]} …",
                Diagnosis("log-order", "a queue gives first what came first"),
            )
        if len(set(sizes)) < len(sizes):
            fail(
                f"two lines name port {port}, and only one piece was its own: {sizes[:8]} …", MIXED
            )


def log_lines(server: Server) -> list[tuple[int, int, int]]:
    """Port, bytes and dropped bytes of each whole line after the first; fails on one that is
    malformed.
    """
    lines = server.program.stdout.kept().rpartition(b"\n")[0].split(b"\n")[1:]
    found = []
    for line in lines:
        match = _LINE.fullmatch(line.rstrip(b"\r"))
        if match is None:
            fail(
                "a line of the log is neither 'ADDRESS:PORT N bytes' nor 'dropped N bytes': "
                f"{line[:80]!r}",
                Diagnosis("log-line", "one thread alone writes the log, a whole line at a time"),
            )
        found.append(tuple(int(group or 0) for group in match.groups()))
    return found  # type: ignore[return-value]


def expect_logged(server: Server, clients: list[Client]) -> None:
    """The lines add up to every byte that was sent, and no connection has more than it sent."""
    total = sum(client.sent_size for client in clients)

    def counted() -> int:
        return sum(size + dropped for _, size, dropped in log_lines(server))

    try:
        server.world.wait(lambda: counted() >= total, f"the log to account for all {total} bytes")
    except Hang as hang:
        hang.summary += f": it has {counted()}"
        hang.diagnosis = Diagnosis(
            "log-incomplete",
            "what is neither logged nor counted as dropped is lost without a trace",
        )
        raise
    if counted() > total:
        fail(
            f"the log has {counted()} bytes, and {total} were sent",
            Diagnosis("log-twice", "some piece is logged and counted as dropped"),
        )
    lines = log_lines(server)
    nothing_dropped = not any(dropped for _, _, dropped in lines)
    for client in clients:
        port, sent = client.local_port(), client.sent_size
        logged = sum(size for other, size, _ in lines if other == port)
        if logged > sent or (nothing_dropped and logged != sent):
            fail(
                f"the log has {logged} bytes for port {port}, which sent {sent}",
                MIXED,
            )
