"""Lab 1, extensions: upper case, and a client of the student's own."""

from __future__ import annotations

import os
from typing import Any

from grader.labs.endpoint import Listener, loopback_hosts
from grader.labs.lab1.stages_echo import echo_server
from grader.labs.scenes import MIB, expect_echo
from grader.labs.server import Server
from grader.labs.stage import Attempt, stage
from grader.labs.terminal import Terminal
from grader.labs.usage import expect_usage
from grader.run.client import Client
from grader.verdicts import Diagnosis, Hang, NotAttempted, StageFailure, fail


@stage(
    "1.14",
    "Upper case on demand",
    points=10,
    see="lab1#upper",
    source="RFC 20 (ASCII)",
    extension=True,
)
def test_upper(attempt: Attempt) -> None:
    """With --upper the server turns ASCII a to z into A to Z and leaves every other byte; without
    it, all bytes.
    """
    known = attempt.start("echo_server", "--upper", "--port", "0", name="echo_server --upper")
    attempt.world.wait(
        lambda: known.ended() or b"\n" in known.stdout.head,
        "echo_server --upper to listen or to refuse",
    )
    if known.ended() and known.wait_end() == 2:
        raise NotAttempted("echo_server knows no --upper")
    known.close()
    server = Server(attempt, "echo_server", "--port", "0", "--upper", name="echo_server --upper")
    client = server.connect()
    for data in (
        b"hello, World 123\n",
        bytes(range(256)),
        "straße, ÿ".encode(),
        "na\xefve".encode("latin-1"),
    ):
        client.send(data)
        client.expect(data.upper(), "the echo in upper case")  # bytes.upper is ASCII only
    for byte in b"cut in pieces":
        client.send(bytes([byte]))
        client.expect(bytes([byte]).upper(), "the echo in upper case")
    data = attempt.random().bytes(MIB)
    client.send(data)
    client.finish_sending()
    client.expect(data.upper(), "the echo in upper case")
    client.expect_end()
    expect_echo(echo_server(attempt).connect(), b"as it is")


def connected(attempt: Attempt, listener: Listener, **more: Any) -> tuple[Terminal, Client]:
    """echo_client, and the grader's server that it connected to."""
    terminal = Terminal(attempt, "echo_client", "127.0.0.1", str(listener.port), **more)
    return terminal, listener.accept()


@stage(
    "1.15",
    "A client: both directions at once",
    points=10,
    see="lab1#client",
    source="RFC 9293, section 3.6; shutdown(2)",
    extension=True,
    program="echo_client",
    seconds=20,
)
def test_client(attempt: Attempt) -> None:
    """echo_client copies its input to the server and what comes back to its output, both at once;
    at the end of its input it half-closes, prints what still comes, and exits with 0 when the
    server closes. Anything else is status 1.
    """
    listener = Listener(attempt)
    converse(attempt, listener)
    through_faults(attempt, listener)
    from_a_pipe(attempt, listener)
    server_leaves(attempt, listener)
    for args in ([], ["127.0.0.1"], ["--nonsense", "127.0.0.1", "7"], ["127.0.0.1", "7", "8"]):
        expect_usage(attempt, "echo_client", args)


def converse(attempt: Attempt, listener: Listener) -> None:
    """Bytes both ways, more of them than all buffers hold, and a half-close."""
    terminal, server = connected(attempt, listener)
    terminal.keyboard.send(b"hello")
    server.expect(b"hello", "the client's input")
    server.send(b"good \0 morning")
    terminal.keyboard.expect(b"good \0 morning", "the server's bytes")
    random = attempt.random()
    up, down = random.bytes(8 * MIB), random.bytes(8 * MIB)
    server.pause_reading()
    server.send(down)
    terminal.keyboard.send(up)
    try:
        terminal.keyboard.expect(down, "the server's bytes")
    except StageFailure as failure:
        if server.queued() > 0:
            failure.diagnosis = Diagnosis(
                "both-block",
                "the server sends and does not read yet, the client sends and does not print: both "
                "wait for the other for ever",
            )
        raise
    server.resume_reading()
    server.expect(up, "the client's input")
    terminal.keyboard.finish_sending()
    server.expect_end()
    server.send(b"the server has the last word")
    try:
        terminal.keyboard.expect(b"the server has the last word", "what came after the half-close")
    except Hang:
        if terminal.program.ended():
            fail(
                "after the end of its input the client ended, and the server still had to say "
                "something",
                Diagnosis("left-early", "a half-close ends one direction: go on receiving"),
            )
        raise
    server.finish_sending()
    terminal.expect_status(0, "all was sent, and the server closed")
    terminal.keyboard.expect_nothing_more()


def through_faults(attempt: Attempt, listener: Listener) -> None:
    """Short reads and writes, and interrupted calls."""
    faults = {"FAULTS": "read=7,write=5,eintr=3"}
    terminal, server = connected(attempt, listener, build="faults", environment=faults)
    data = attempt.random("faults").bytes(5000)
    terminal.keyboard.send(data)
    server.expect(data, "the client's input, where calls are short or interrupted,")
    server.send(data)
    terminal.keyboard.expect(data, "the server's bytes, where calls are short or interrupted,")
    terminal.keyboard.finish_sending()
    server.expect_end()
    server.finish_sending()
    terminal.expect_status(0, "all was sent, and the server closed")


def from_a_pipe(attempt: Attempt, listener: Listener) -> None:
    """A pipe whose writer is gone says POLLHUP, and read() gives what is left, and then 0."""
    reading, writing = os.pipe()
    os.write(writing, b"hello from a pipe")
    os.close(writing)
    terminal, server = connected(attempt, listener, stdin=reading)
    os.close(reading)
    server.expect(b"hello from a pipe", "the client's input")
    server.expect_end()
    server.finish_sending()
    terminal.expect_status(0, "all was sent, and the server closed")


def server_leaves(attempt: Attempt, listener: Listener) -> None:
    """Close, reset, and a reset after the client has sent everything: status 1."""
    for leave, why in (
        (Client.close, "the server closed before the input had ended"),
        (Client.reset, "the server reset the connection"),
    ):
        terminal, server = connected(attempt, listener)
        terminal.keyboard.send(b"hello")
        server.expect(b"hello", "the client's input")
        leave(server)
        terminal.expect_status(1, why, words=True)
    terminal, server = connected(attempt, listener)
    terminal.keyboard.finish_sending()
    server.expect_end()
    server.reset()
    terminal.expect_status(1, "the server reset the connection at the end", words=True)
    # A connection with FIN and RST gives EPIPE, and SIGPIPE, to the next write: while what came
    # before fills the client's output, only its input goes on.
    terminal, server = connected(attempt, listener)
    terminal.keyboard.pause_reading()
    server.send(bytes(60_000))
    server.finish_sending()
    server.wait_sent()
    server.reset()
    terminal.keyboard.send(b"is anybody there?")
    server.world.observe(0.2, terminal.program.ended)
    terminal.keyboard.resume_reading()
    terminal.keyboard.finish_sending()
    terminal.expect_status(1, "the server reset the connection while the client sent", words=True)


@stage(
    "1.16",
    "A client: names and addresses",
    points=10,
    see="lab1#names",
    source="getaddrinfo(3); RFC 6724",
    extension=True,
    program="echo_client",
)
def test_names(attempt: Attempt) -> None:
    """echo_client takes a name or a number, and tries every address of a name, IPv6 and IPv4, until
    one answers. Where none does, or the name is unknown, it says so and exits with 1.
    """
    for family, hosts in loopback_hosts(attempt.sandbox.in_namespaces):
        listener = Listener(attempt, family)
        for host in hosts:
            terminal = Terminal(attempt, "echo_client", host, str(listener.port))
            try:
                server = listener.accept()
            except StageFailure as failure:
                failure.diagnosis = Diagnosis(
                    "one-address-only",
                    f"{host} has an address that answers: {hosts[0]}. Is each address tried, IPv6 "
                    "and IPv4?",
                )
                raise
            terminal.keyboard.send(b"hello")
            server.expect(b"hello", "the client's input")
            server.send(b"hello yourself")
            terminal.keyboard.expect(b"hello yourself", "the server's bytes")
            terminal.keyboard.finish_sending()
            server.expect_end()
            server.finish_sending()
            terminal.expect_status(0, "all was sent, and the server closed")
        listener.close()
        nobody = Terminal(attempt, "echo_client", "localhost", str(listener.port))
        nobody.expect_status(1, "nobody listens on that port", words=True)
    unknown = Terminal(attempt, "echo_client", "no." + "x" * 70, "7")
    unknown.expect_status(1, "the name can't be resolved", words=True)
