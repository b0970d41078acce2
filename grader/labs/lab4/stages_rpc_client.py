"""Lab 4, an extension: a client of remote procedure calls (labs/include/rpc.h, rpc_call.h)."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable
from dataclasses import dataclass

from grader.labs.endpoint import Listener
from grader.labs.lab4.rpc import (
    DELAY,
    FAILED,
    FINE,
    INT_MIN,
    MOST_PAYLOAD,
    MULTIPLY,
    QUO_REM,
    UNKNOWN,
    call,
    expect_frame,
    product,
    reply,
    two,
)
from grader.labs.stage import Attempt, stage
from grader.labs.terminal import Terminal
from grader.labs.usage import expect_usage
from grader.run.client import Client
from grader.run.program import Program
from grader.verdicts import Diagnosis, Hang, StageFailure, fail

CLIENT = "rpc_client"
NEVER_MS = 60_000  # longer than the stage may take
SHORT_MS = 300


@stage(
    "4.12",
    "RPC: a client",
    points=10,
    see="lab4#rpc-client",
    source="Waldo et al., A Note on Distributed Computing, section 4",
    extension=True,
    program=CLIENT,
    seconds=20,
)
def test_client(attempt: Attempt) -> None:
    """A remote call fails in ways that a local one can't: the reply may be an error, come later
    than --timeout allows, or never. The client says on stderr which ("timeout", or the server's own
    words), with status 1.
    """
    listener = Listener(attempt)
    one_call(attempt, listener, LARGE, product(65535 * 65537), b"4294967295\n")
    one_call(attempt, listener, QUOTIENT, two(-3, -1), b"-3 -1\n")
    several_calls(attempt, listener)
    remote_errors(attempt, listener)
    wrong_replies(attempt, listener)
    lost_connections(attempt, listener)
    too_late(attempt, listener)
    expect_usage(attempt, CLIENT, [], ["127.0.0.1", "7"], ["127.0.0.1", "7", "nonsense"],
                 ["127.0.0.1", "7", "multiply", "1"], ["127.0.0.1", "7", "multiply", "1", "1x"],
                 ["127.0.0.1", "7", "multiply", "1", "2147483648"],
                 ["--timeout", "x", "127.0.0.1", "7", "multiply", "1", "2"])  # fmt: skip


@dataclass(frozen=True)
class Call:
    """What a user types, and what is due on the wire."""

    words: str
    call_id: int
    arguments: bytes


LARGE = Call("multiply 65535 65537", MULTIPLY, two(65535, 65537))
PRODUCT = Call("multiply 3 -4", MULTIPLY, two(3, -4))
QUOTIENT = Call("quorem -7 2", QUO_REM, two(-7, 2))


def one_call(
    attempt: Attempt, listener: Listener, due: Call, results: bytes, printed: bytes
) -> None:
    terminal, server, (request_id,) = called(attempt, listener, due)
    for byte in reply(due.call_id, request_id, FINE, results):
        server.send(bytes([byte]))
    expect_printed(terminal, printed, f"what it prints for '{due.words}'")
    terminal.expect_status(0, "the call was answered")
    server.close()


def several_calls(attempt: Attempt, listener: Listener) -> None:
    """In one command: sent at once, and each result is printed when it comes."""
    calls = (
        LARGE,
        QUOTIENT,
        Call("delay 500", DELAY, struct.pack("<I", 500)),
        Call("delay 7", DELAY, struct.pack("<I", 7)),
    )
    terminal, server, ids = called(attempt, listener, *calls)
    expect_own_ids(calls, ids)
    large, quotient, slept, last = (
        reply(calls[n].call_id, ids[n], FINE, results)
        for n, results in enumerate((product(65535 * 65537), two(-3, -1), b"", b""))
    )
    server.send(last + quotient)
    expect_printed(
        terminal,
        b"7 ms\n-3 -1\n",
        "what it prints when replies to its last and to its second call have come",
        Diagnosis("replies-mixed", "a reply is for the call with its request id, in any order"),
    )
    server.send(slept)
    left = Diagnosis("calls-left", "two calls of four were answered, and two wait")
    expect_printed(terminal, b"500 ms\n", "what it prints with the third reply", left)
    nobody = next(n for n in range(len(ids) + 1) if n not in ids)
    server.send(reply(MULTIPLY, nobody, FINE, product(5)) + last + large)
    stray = Diagnosis("stray-reply", "no call waits with its request id: it changes nothing")
    expect_printed(
        terminal,
        b"4294967295\n",
        "what it prints after a reply to another request id, one more to a call that has its "
        "reply, and one that is due,",
        stray,
        silent=stray,
    )
    terminal.expect_status(0, "all calls were answered")
    server.close()


def remote_errors(attempt: Attempt, listener: Listener) -> None:
    """Two calls fail, one is fine. The first text is as long as the results would be, the second is
    long, and both are all but a string: the next reply follows.
    """
    calls = (
        Call(f"quorem {INT_MIN} -1", QUO_REM, two(INT_MIN, -1)),
        Call("quorem 1 0", QUO_REM, two(1, 0)),
        PRODUCT,
    )
    terminal, server, ids = called(attempt, listener, *calls)
    texts = b"overflow", b"100%s of " + b"divide by zero, " * 40
    for request_id, text in zip(ids, texts, strict=False):
        server.send(reply(QUO_REM, request_id, FAILED, text))
    server.send(reply(MULTIPLY, ids[-1], FINE, product(-12)))
    terminal.expect_status(1, "two of three calls failed", words=True)
    for text in texts:
        expect_words(terminal, text)
    expect_printed(terminal, b"-12\n", "what it prints on stdout when two of three calls failed")
    server.close()


WRONG_REPLIES: tuple[tuple[Callable[[int], bytes], str], ...] = (
    (lambda r: reply(QUO_REM, r, UNKNOWN), "the procedure is unknown"),
    (lambda r: reply(MULTIPLY, r, FINE, two(3, 1)), "the reply has another call id"),
    (lambda r: reply(QUO_REM, r, 3, two(3, 1)), "the reply has status 3"),
    (lambda r: struct.pack("<IIIB", QUO_REM, 4, r, 1), "the reply's payload has no status"),
    (lambda r: reply(QUO_REM, r, FINE, two(3, 1)[:-1]), "7 bytes of results are too few"),
    (lambda r: reply(QUO_REM, r, FINE, two(3, 1) + b"\0"), "9 bytes of results are too many"),
    (lambda _: struct.pack("<II", QUO_REM, MOST_PAYLOAD + 1), "the reply's payload is too large"),
)


def wrong_replies(attempt: Attempt, listener: Listener) -> None:
    """They end the call, whether or not the server ends the connection."""
    for wrong, why in WRONG_REPLIES:
        terminal, server, (request_id,) = called(attempt, listener, QUOTIENT)
        server.send(wrong(request_id))
        terminal.expect_status(1, why, words=True)
        if not terminal.program.stderr.kept().strip():
            fail(
                f"{why}, and stderr has a blank line",
                Diagnosis("silent-error", "a user would not know what went wrong"),
            )
        server.close()


def lost_connections(attempt: Attempt, listener: Listener) -> None:
    """All calls that wait end with their connection."""
    for leave, why in (
        (Client.finish_sending, "the server ends the stream within a reply"),
        (Client.reset, "the server resets the connection"),
    ):
        terminal, server, ids = called(attempt, listener, QUOTIENT, PRODUCT)
        if leave is Client.finish_sending:
            server.send(reply(QUO_REM, ids[0], FINE, two(3, 1))[:-1])
        leave(server)
        terminal.expect_status(1, f"{why}, and two calls wait", words=True)
        if b"timeout" in terminal.program.stderr.kept():
            fail(
                f"{why}, and stderr speaks of a timeout",
                Diagnosis("other-words", "the connection is lost, and nobody's time was over"),
            )
        server.close()


def too_late(attempt: Attempt, listener: Listener) -> None:
    """After the timeout, not before. Bytes that come meanwhile are of replies to other calls."""
    began = time.monotonic()
    terminal, server, (request_id,) = called(attempt, listener, PRODUCT, timeout_ms=SHORT_MS)
    nobody = request_id ^ 1
    drip(terminal.program, server, 3 * reply(MULTIPLY, nobody, FINE, product(5)))
    why = f"no reply came within {SHORT_MS} ms, but to another request id"
    if sleeps_on(terminal.program):
        fail(
            f"{why}: the client should have given up, and sleeps",
            Diagnosis("timeout-late", "milliseconds, from the call on, whatever comes meanwhile"),
        )
    terminal.expect_status(1, why, words=True)
    if time.monotonic() - began < SHORT_MS / 1000:
        fail(
            f"the client gave up before its timeout of {SHORT_MS} ms, in which a reply to another "
            "request id came",
            Diagnosis("timeout-early", "milliseconds, from the call on"),
        )
    expect_words(terminal, b"timeout")
    expect_no_more_calls(server)
    server.close()


def drip(program: Program, server: Client, data: bytes) -> None:
    """A byte about every 50 ms, until the client ends."""
    for byte in data:
        server.send(bytes([byte]))
        if server.world.observe(0.05, program.ended):
            return


def sleeps_on(program: Program) -> bool:
    """Whether it waits for something, and for no CPU: one whose time is over would not."""
    before = program.wake_ups()
    return not program.world.observe(
        0.5, lambda: program.ended() or program.runs() or program.wake_ups() > before
    )


def expect_no_more_calls(server: Client) -> None:
    server.world.wait(lambda: bool(server.ended), "the end of the client's connection")
    if server.came():
        fail(
            "after the timeout the client sent more",
            Diagnosis("called-again", "nobody knows whether the call was executed"),
        )


def called(
    attempt: Attempt, listener: Listener, *calls: Call, timeout_ms: int = NEVER_MS
) -> tuple[Terminal, Client, list[int]]:
    """The client has made these calls; the request ids are its own choice."""
    words = " ".join(one.words for one in calls).split()
    terminal = Terminal(
        attempt, CLIENT, "--timeout", str(timeout_ms), "127.0.0.1", str(listener.port), *words
    )
    try:
        server = listener.accept()
    except Hang as hang:
        hang.diagnosis = Diagnosis("not-connected", "it runs, and does not connect")
        raise
    return terminal, server, [take_call(server, one, first=one is calls[0]) for one in calls]


def take_call(server: Client, due: Call, *, first: bool) -> int:
    """Returns its request id."""
    try:
        server.wait_came(lambda: len(server.came()) >= 12, f"the call '{due.words}'")
    except StageFailure as failure:
        failure.diagnosis = (
            Diagnosis("call-missing", "header and request id are 12 bytes, and did not come")
            if first
            else Diagnosis("calls-not-sent", "several calls are sent at once, before any reply")
        )
        raise
    request_id = int.from_bytes(server.came()[8:12], "little")
    frame = call(due.call_id, request_id, due.arguments)
    expect_frame(server, frame, f"the call '{due.words}'", is_reply=False)
    return request_id


def expect_own_ids(calls: tuple[Call, ...], ids: list[int]) -> None:
    if len({(one.call_id, number) for one, number in zip(calls, ids, strict=True)}) < len(calls):
        fail(
            f"two calls of one procedure wait, and the request ids are {', '.join(map(str, ids))}",
            Diagnosis("request-id-reused", "nobody could tell which of them a reply is for"),
        )


def expect_printed(
    terminal: Terminal,
    printed: bytes,
    what: str,
    wrong: Diagnosis | None = None,
    silent: Diagnosis | None = None,
) -> None:
    """``wrong`` explains why something else is printed, ``silent`` why nothing comes."""
    try:
        terminal.keyboard.expect(printed, what)
    except StageFailure as failure:
        chosen = silent if isinstance(failure, Hang) else wrong
        failure.diagnosis = chosen or failure.diagnosis
        raise


def expect_words(terminal: Terminal, text: bytes) -> None:
    """All of it, and no byte of the reply behind it."""
    said = terminal.program.stderr.kept()
    if text not in said:
        fail(
            f"stderr should say '{text.decode()}'",
            Diagnosis("other-words", "its own words are below"),
        )
    if text + bytes([MULTIPLY]) in said or text + bytes([QUO_REM]) in said:
        fail(
            f"stderr goes on behind '{text.decode()}' with the next reply's first byte",
            Diagnosis("text-too-long", "a text has no NUL at its end: its size ends it"),
        )
