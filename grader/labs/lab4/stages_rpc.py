"""Lab 4, extensions: remote procedure calls in the frames of the messages (labs/include/rpc.h)."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable

from grader.labs.endpoint import Listener
from grader.labs.resources import expect_idle, expect_no_connections
from grader.labs.server import Server
from grader.labs.stage import Attempt, stage
from grader.labs.terminal import Terminal
from grader.labs.usage import expect_usage
from grader.run.client import Client
from grader.verdicts import Diagnosis, fail

MULTIPLY, QUO_REM, DELAY = 64, 65, 66
FINE, FAILED, UNKNOWN = 0, 1, 2
LONG_MS = 50_000
CLIENT = "rpc_client"


def call(call_id: int, request_id: int, arguments: bytes) -> bytes:
    return struct.pack("<III", call_id, 4 + len(arguments), request_id) + arguments


def reply(call_id: int, request_id: int, status: int, results: bytes = b"") -> bytes:
    return struct.pack("<IIIB", call_id, 5 + len(results), request_id, status) + results


def two(a: int, b: int) -> bytes:
    return struct.pack("<ii", a, b)


@stage(
    "4.11",
    "RPC: a server",
    points=10,
    see="lab4#rpc",
    source="RFC 5531, section 9 (for comparison)",
    extension=True,
    program="rpc_server",
    seconds=20,
)
def test_server(attempt: Attempt) -> None:
    """A call names its procedure and a request id; its reply returns both. A call that waits keeps
    no later one waiting. An error of the procedure is a reply; malformed bytes end the connection.
    """
    server = Server(attempt, "rpc_server", "--port", "0")
    client, other = server.connect(), server.connect()
    client.send(bytes.fromhex("40000000 0c000000 07000000 03000000 04000000"))
    client.expect(bytes.fromhex("40000000 0d000000 07000000 00 0c00000000000000"), "the product")
    products(client)
    quotients(client)
    for unknown in (67, 0x7FFFFFFF, 0xFFFFFFFF):
        client.send(call(unknown, 3, b"whatever"))
        client.expect(reply(unknown, 3, UNKNOWN), "the reply to a call of an unknown procedure")
    out_of_order(client)
    cut_and_glued(client)
    for bad, why in MALFORMED:
        rude = server.connect()
        rude.send(call(MULTIPLY, 1, two(2, 3)) + bad)
        rude.expect(reply(MULTIPLY, 1, FINE, struct.pack("<q", 6)), f"the reply before {why}")
        rude.expect_end()
        rude.close()
    leaves_while_it_waits(server)
    other.send(call(MULTIPLY, 5, two(-1, 1)))
    other.finish_sending()
    other.expect(reply(MULTIPLY, 5, FINE, struct.pack("<q", -1)), "the reply to another client")
    other.expect_end()
    expect_idle(server.program, "when all is answered", "busy-when-idle", "nothing is left to do")
    client.reset()  # one of its calls still waits: a half-closed client would be owed the reply
    other.close()
    expect_no_connections(server)
    expect_usage(attempt, "rpc_server", [], ["--port"], ["--port", "x"], ["--port", "0", "--what"])


MALFORMED = (
    (struct.pack("<II", 3, 28) + bytes(28), "a call id below 64"),
    (struct.pack("<III", MULTIPLY, 3, 0), "a payload too small for a request id"),
    (struct.pack("<III", MULTIPLY, 4, 0), "arguments that are missing"),
    (call(MULTIPLY, 1, bytes(9)), "arguments that are too long"),
    (struct.pack("<II", MULTIPLY, 0xFFFFFFFF), "a payload of 4 GiB"),
    (struct.pack("<II", 99, (16 << 20) + 1), "a payload of more than 16 MiB"),
)


def products(client: Client) -> None:
    for a, b in ((0, 5), (-3, 4), (2147483647, 2147483647), (-2147483648, -2147483648), (-1, 1)):
        client.send(call(MULTIPLY, 0xFFFFFFFF, two(a, b)))
        results = struct.pack("<q", a * b)
        client.expect(reply(MULTIPLY, 0xFFFFFFFF, FINE, results), f"the product of {a} and {b}")


def quotients(client: Client) -> None:
    for a, b, quotient, remainder in ((7, 2, 3, 1), (-7, 2, -3, -1), (7, -2, -3, 1), (0, 9, 0, 0)):
        client.send(call(QUO_REM, 8, two(a, b)))
        results = two(quotient, remainder)
        client.expect(reply(QUO_REM, 8, FINE, results), f"quotient and remainder of {a} and {b}")
    for a, b, text in ((1, 0, b"divide by zero"), (-2147483648, -1, b"overflow")):
        client.send(call(QUO_REM, 9, two(a, b)))
        client.expect(reply(QUO_REM, 9, FAILED, text), f"the error of {a} divided by {b}")


def out_of_order(client: Client) -> None:
    """What is done sooner is answered sooner."""
    client.send(
        call(DELAY, 1, struct.pack("<I", LONG_MS))
        + call(DELAY, 2, struct.pack("<I", 60))
        + call(DELAY, 3, struct.pack("<I", 0))
        + call(MULTIPLY, 4, two(6, 7))
    )
    at_once = {reply(DELAY, 3, FINE), reply(MULTIPLY, 4, FINE, struct.pack("<q", 42))}
    if {take_reply(client), take_reply(client)} != at_once:
        fail(
            "a delay of 0 ms and a product are asked for behind delays of 50 s and 60 ms: their "
            "replies should come first",
            Diagnosis("reply-order", "a call that waits keeps no other waiting"),
        )
    client.expect(reply(DELAY, 2, FINE), "the reply to the delay of 60 ms")
    client.send(call(DELAY, 5, struct.pack("<I", 60_001)))
    client.expect(reply(DELAY, 5, FAILED, b"too long"), "the error of a delay that is too long")


def cut_and_glued(client: Client) -> None:
    data = b"".join(call(MULTIPLY, number, two(number, 2)) for number in range(100))
    replies = b"".join(
        reply(MULTIPLY, number, FINE, struct.pack("<q", 2 * number)) for number in range(100)
    )
    for size in (len(data), 1, 7):
        for at in range(0, len(data), size):
            client.send(data[at : at + size])
        client.expect(replies, f"100 products, asked for in pieces of {size} bytes")


def leaves_while_it_waits(server: Server) -> None:
    """Its reply comes when nobody is there any more."""
    for leave in (Client.reset, Client.close):
        client = server.connect()
        client.send(call(DELAY, 1, struct.pack("<I", 50)) + call(MULTIPLY, 2, two(1, 1)))
        client.expect(reply(MULTIPLY, 2, FINE, struct.pack("<q", 1)), "the product")
        leave(client)
    patient = server.connect()
    patient.send(call(DELAY, 1, struct.pack("<I", 100)))
    patient.finish_sending()
    patient.expect(reply(DELAY, 1, FINE), "the reply to a delay, after a half-close")
    patient.expect_end()
    patient.close()


WRONG_REPLIES: tuple[tuple[Callable[[int], bytes], str], ...] = (
    (lambda r: reply(MULTIPLY, r, FINE, two(3, 1)), "the reply has another call id"),
    (lambda r: reply(QUO_REM, r, 3, two(3, 1)), "the reply has status 3"),
    (lambda r: struct.pack("<III", QUO_REM, 4, r), "the reply has no status"),
    (lambda _: b"", "the server closes instead of a reply"),
    (lambda r: reply(QUO_REM, r, FINE, two(3, 1))[:-1], "the server closes within the reply"),
)


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
    for words, arguments, call_id, results, printed in (
        (("multiply", "3", "-4"), two(3, -4), MULTIPLY, struct.pack("<q", -12), b"-12\n"),
        (("quorem", "7", "2"), two(7, 2), QUO_REM, two(3, 1), b"3 1\n"),
    ):
        terminal, server, request_id = called(attempt, listener, words, call_id, arguments)
        answer = reply(call_id, request_id, FINE, results)
        for at in range(len(answer)):
            server.send(answer[at : at + 1])
        terminal.keyboard.expect(printed, "what it prints")
        terminal.expect_status(0, "the call was answered")
        server.close()
    quorem = (("quorem", "1", "0"), QUO_REM, two(1, 0))
    for status, text, why in (
        (FAILED, b"divide by zero", "a remote error"),
        (UNKNOWN, b"", "an unknown procedure"),
    ):
        terminal, server, request_id = called(attempt, listener, quorem[0], *quorem[1:])
        server.send(reply(QUO_REM, request_id, status, text))
        terminal.expect_status(1, why, words=True)
        expect_words(terminal, text)
        server.close()
    for wrong, why in WRONG_REPLIES:
        terminal, server, request_id = called(attempt, listener, quorem[0], *quorem[1:])
        server.send(wrong(request_id))
        server.finish_sending()
        terminal.expect_status(1, why, words=True)
        server.close()
    too_late(attempt, listener)
    expect_usage(attempt, CLIENT, [], ["127.0.0.1", "7"], ["127.0.0.1", "7", "nonsense"],
                 ["127.0.0.1", "7", "multiply", "1"], ["127.0.0.1", "7", "multiply", "1", "x"],
                 ["--timeout", "x", "127.0.0.1", "7", "multiply", "1", "2"])  # fmt: skip


def called(
    attempt: Attempt, listener: Listener, words: tuple[str, ...], call_id: int, arguments: bytes,
    *options: str,
) -> tuple[Terminal, Client, int]:  # fmt: skip
    """The client has called; the request id is its own choice."""
    port = str(listener.port)
    terminal = Terminal(attempt, CLIENT, *options, "127.0.0.1", port, *words)
    server = listener.accept()
    size = 12 + len(arguments)
    server.wait_came(lambda: len(server.came()) >= size, f"a call of {size} bytes")
    request_id = int.from_bytes(server.came()[8:12], "little")
    server.expect(call(call_id, request_id, arguments), f"the call of {words[0]}")
    return terminal, server, request_id


def too_late(attempt: Attempt, listener: Listener) -> None:
    """After the timeout, not before; a reply to another call is none to this one."""
    began = time.monotonic()
    terminal, server, request_id = called(
        attempt, listener, ("multiply", "1", "2"), MULTIPLY, two(1, 2), "--timeout", "300"
    )
    server.send(reply(MULTIPLY, (request_id + 1) % (1 << 32), FINE, struct.pack("<q", 5)))
    terminal.expect_status(1, "no reply came within 300 ms", words=True)
    if time.monotonic() - began < 0.3:
        fail(
            "the client gave up before its timeout of 300 ms",
            Diagnosis("timeout-early", "milliseconds, from the call on"),
        )
    expect_words(terminal, b"timeout")
    server.close()


def expect_words(terminal: Terminal, text: bytes) -> None:
    if text not in terminal.program.stderr.kept():
        fail(
            f"stderr should say '{text.decode()}'",
            Diagnosis("other-words", "its own words are below"),
        )


def take_reply(client: Client) -> bytes:
    """The next message, whatever it is."""

    header = client.take_whole(8, "a reply")
    return header + client.take_whole(int.from_bytes(header[4:], "little"), "a reply")
