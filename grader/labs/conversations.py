"""What a client that copies its input to a server, and the server to its output, goes through, in
more than one lab.
"""

from __future__ import annotations

import os
from typing import Any

from grader.labs.endpoint import Listener
from grader.labs.scenes import MIB
from grader.labs.stage import Attempt
from grader.labs.terminal import Terminal
from grader.run.client import Client
from grader.verdicts import Diagnosis, Hang, fail


def connected(
    attempt: Attempt, program: str, listener: Listener, **more: Any
) -> tuple[Terminal, Client]:
    """The program, and the grader's server that it connected to."""
    terminal = Terminal(attempt, program, "127.0.0.1", str(listener.port), **more)
    return terminal, listener.accept()


def converse(attempt: Attempt, program: str, listener: Listener) -> None:
    """Bytes both ways, more of them than all buffers hold, and a half-close."""
    terminal, server = connected(attempt, program, listener)
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
    except Hang as hang:
        if server.queued() > 0:
            hang.diagnosis = Diagnosis(
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


def through_faults(attempt: Attempt, program: str, listener: Listener) -> None:
    """Short reads and writes, and interrupted calls."""
    faults = {"FAULTS": "read=7,write=5,eintr=3"}
    terminal, server = connected(attempt, program, listener, build="faults", environment=faults)
    data = attempt.random("faults").bytes(5000)
    terminal.keyboard.send(data)
    server.expect(data, "the client's input, where calls are short or interrupted,")
    server.send(data)
    terminal.keyboard.expect(data, "the server's bytes, where calls are short or interrupted,")
    terminal.keyboard.finish_sending()
    server.expect_end()
    server.finish_sending()
    terminal.expect_status(0, "all was sent, and the server closed")


def from_a_pipe(attempt: Attempt, program: str, listener: Listener) -> None:
    """A pipe whose writer is gone says POLLHUP, and read() gives what is left, and then 0."""
    reading, writing = os.pipe()
    os.write(writing, b"hello from a pipe")
    os.close(writing)
    terminal, server = connected(attempt, program, listener, stdin=reading)
    os.close(reading)
    server.expect(b"hello from a pipe", "the client's input")
    server.expect_end()
    server.finish_sending()
    terminal.expect_status(0, "all was sent, and the server closed")


def server_leaves(attempt: Attempt, program: str, listener: Listener) -> None:
    """Close, reset, and a reset after the client has sent everything: status 1."""
    for leave, why in (
        (Client.close, "the server closed before the input had ended"),
        (Client.reset, "the server reset the connection"),
    ):
        terminal, server = connected(attempt, program, listener)
        terminal.keyboard.send(b"hello")
        server.expect(b"hello", "the client's input")
        leave(server)
        terminal.expect_status(1, why, words=True)
    terminal, server = connected(attempt, program, listener)
    terminal.keyboard.finish_sending()
    server.expect_end()
    server.reset()
    terminal.expect_status(1, "the server reset the connection at the end", words=True)
    # A connection with FIN and RST gives EPIPE, and SIGPIPE, to the next write: while what came
    # before fills the client's output, only its input goes on.
    terminal, server = connected(attempt, program, listener)
    terminal.keyboard.pause_reading()
    server.send(bytes(60_000))
    server.finish_sending()
    server.wait_sent()
    server.reset()
    terminal.keyboard.send(b"is anybody there?")
    server.world.observe(0.1, terminal.program.ended)
    terminal.keyboard.resume_reading()
    terminal.keyboard.finish_sending()
    terminal.expect_status(1, "the server reset the connection while the client sent", words=True)
