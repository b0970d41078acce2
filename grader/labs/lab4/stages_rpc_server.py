"""Lab 4, an extension: a server of remote procedure calls (labs/include/rpc.h, rpc_serve.h)."""

from __future__ import annotations

import struct
import time

from grader.labs.lab4.rpc import (
    DELAY,
    FAILED,
    FINE,
    INT_MAX,
    INT_MIN,
    MOST_PAYLOAD,
    MULTIPLY,
    QUO_REM,
    UNKNOWN,
    call,
    delay,
    expect_frame,
    product,
    reply,
    two,
)
from grader.labs.resources import expect_idle, expect_no_connections
from grader.labs.server import Server
from grader.labs.stage import Attempt, stage
from grader.labs.usage import expect_usage
from grader.run.client import Client
from grader.verdicts import Diagnosis, Hang, StageFailure, fail
from grader.wire.diff import difference

LONG_MS, LONGEST_MS, SHORT_MS = 50_000, 60_000, 60
MOST_CALLS = 1024


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
    twelve = bytes.fromhex("40000000 0d000000 07000000 00 0c00000000000000")
    expect_frame(client, twelve, "the product of 3 and 4")
    products(client)
    quotients(client)
    unknown_procedures(client)
    too_long_delays(client)
    out_of_order(client)
    cut_and_glued(client)
    malformed(server)
    leaves_while_it_waits(server)
    half_closes_while_it_waits(server)
    as_many_calls_as_may_wait(server, other)
    other.finish_sending()
    other.expect_end()
    expect_idle(server.program, "when all is answered", "busy-when-idle", "nothing is left to do")
    client.reset()  # some of its calls still wait: a half-closed client would be owed the replies
    other.close()
    expect_no_connections(server)
    expect_usage(attempt, "rpc_server", [], ["--port"], ["--port", "x"], ["--port", "0", "--what"])


def products(client: Client) -> None:
    for a, b in ((0, 5), (-3, 4), (INT_MAX, INT_MAX), (INT_MIN, INT_MIN), (-1, 1)):
        client.send(call(MULTIPLY, 0xFFFFFFFF, two(a, b)))
        results = product(a * b)
        expect_frame(
            client, reply(MULTIPLY, 0xFFFFFFFF, FINE, results), f"the product of {a} and {b}"
        )


QUOTIENTS = (
    (7, 2, 3, 1),
    (-7, 2, -3, -1),
    (7, -2, -3, 1),
    (0, 9, 0, 0),
    (7, -1, -7, 0),
    (INT_MIN, 2, INT_MIN // 2, 0),
    (5, INT_MIN, 0, 5),
)


def quotients(client: Client) -> None:
    for a, b, quotient, remainder in QUOTIENTS:
        client.send(call(QUO_REM, 8, two(a, b)))
        results = two(quotient, remainder)
        expect_frame(
            client, reply(QUO_REM, 8, FINE, results), f"quotient and remainder of {a} and {b}"
        )
    for a, b, text in ((1, 0, b"divide by zero"), (INT_MIN, -1, b"overflow")):
        client.send(call(QUO_REM, 9, two(a, b)))
        expect_frame(client, reply(QUO_REM, 9, FAILED, text), f"the error of {a} divided by {b}")


def unknown_procedures(client: Client) -> None:
    """Their arguments may be anything, also the most that a payload holds."""
    for unknown, size in ((67, 0), (0x7FFFFFFF, 8), (0xFFFFFFFF, 8), (67, MOST_PAYLOAD - 4)):
        client.send(call(unknown, 3, b"\x40" * size))
        expect_frame(
            client,
            reply(unknown, 3, UNKNOWN),
            f"the reply to a call of an unknown procedure, with {size:,} bytes of arguments,",
        )


def too_long_delays(client: Client) -> None:
    for ms in (LONGEST_MS + 1, 1 << 31, (1 << 32) - 1):
        client.send(delay(ms, 5))
        expect_frame(
            client, reply(DELAY, 5, FAILED, b"too long"), f"the error of a delay of {ms} ms"
        )


def out_of_order(client: Client) -> None:
    """What is done sooner is answered sooner. The shorter delay ends between two that go on."""
    began = time.monotonic()
    client.send(delay(LONG_MS, 1) + delay(SHORT_MS, 2) + delay(LONGEST_MS, 6) + delay(0, 3))
    client.send(call(MULTIPLY, 4, two(6, 7)))
    came = [take_reply(client) for _ in range(3)]
    elapsed_ms = 1000 * (time.monotonic() - began)
    if reply(DELAY, 6, FAILED, b"too long") in came:
        fail(
            f"a delay of {LONGEST_MS:,} ms is refused",
            Diagnosis("delay-limit", "only what is above 60,000 ms is too long"),
        )
    if {1, 6} & {int.from_bytes(one[8:12], "little") for one in came}:
        fail(
            f"delays of {SHORT_MS} ms and of 0 ms and a product are asked for beside delays of "
            "50 s and 60 s: their three replies should come first",
            Diagnosis("reply-order", "a call that waits keeps no other waiting"),
        )
    expect_the_same(came)
    if elapsed_ms < SHORT_MS:
        fail(
            f"the delay of {SHORT_MS} ms took {elapsed_ms:.0f} ms",
            Diagnosis("reply-order", "the reply comes so many milliseconds later, or more"),
        )


def expect_the_same(came: list[bytes]) -> None:
    """The replies to the three, in any order."""
    due = [reply(DELAY, 2, FINE), reply(DELAY, 3, FINE), reply(MULTIPLY, 4, FINE, product(42))]
    came = sorted(came, key=lambda one: one[8:12])
    found = difference(b"".join(due), b"".join(came))
    if found is not None:
        raise StageFailure(
            f"the replies to delays of {SHORT_MS} ms and 0 ms and to a product, by request id, "
            "differ from what was expected",
            difference=found,
            diagnosis=Diagnosis("wrong-byte", "Delay has no results"),
        )


def take_reply(client: Client) -> bytes:
    """The next message, whatever it is."""
    try:
        header = client.take_whole(8, "a reply")
        return header + client.take_whole(int.from_bytes(header[4:], "little"), "a reply")
    except Hang as hang:
        hang.diagnosis = Diagnosis(
            "reply-missing", "other calls of this connection wait, which is no reason"
        )
        raise


def cut_and_glued(client: Client) -> None:
    data = b"".join(call(MULTIPLY, number, two(number, 2)) for number in range(100))
    replies = b"".join(reply(MULTIPLY, number, FINE, product(2 * number)) for number in range(100))
    for size in (len(data), 1, 7):
        for at in range(0, len(data), size):
            client.send(data[at : at + size])
        client.expect(replies, f"100 products, asked for in pieces of {size} bytes,")


MALFORMED = (
    (struct.pack("<II", 3, 28) + bytes(28), "a call id below 64"),
    (struct.pack("<II", 99, 0), "a payload without a request id"),
    (struct.pack("<II", 99, 3) + bytes(3), "a payload too small for a request id"),
    (struct.pack("<III", MULTIPLY, 4, 0), "arguments that are missing"),
    (call(MULTIPLY, 1, bytes(9)), "arguments that are too long"),
    (struct.pack("<II", MULTIPLY, 0xFFFFFFFF), "a payload of 4 GiB"),
    (struct.pack("<II", 99, MOST_PAYLOAD + 1), "a payload of more than 16 MiB"),
)


def malformed(server: Server) -> None:
    for bad, why in MALFORMED:
        rude = server.connect()
        rude.send(call(MULTIPLY, 1, two(2, 3)) + bad)
        expect_frame(rude, reply(MULTIPLY, 1, FINE, product(6)), f"the reply before {why}")
        expect_gone(rude, why)
        rude.close()


def expect_gone(client: Client, why: str) -> None:
    """The connection is closed, in peace or by a RST, and nothing comes before that."""
    try:
        client.world.wait(
            lambda: bool(client.ended or client.came()),
            f"the server to close the connection of {client.name} after {why}",
        )
    except Hang as hang:
        hang.diagnosis = Diagnosis("no-end-of-file", "no reply can be right after these bytes")
        raise
    client.expect_nothing_more()


def leaves_while_it_waits(server: Server) -> None:
    """The replies come when nobody is there any more."""
    for leave in (Client.reset, Client.close):
        client = server.connect()
        client.send(delay(50, 1) + delay(50, 3) + call(MULTIPLY, 2, two(1, 1)))
        expect_frame(client, reply(MULTIPLY, 2, FINE, product(1)), "the product")
        leave(client)


def half_closes_while_it_waits(server: Server) -> None:
    patient = server.connect()
    patient.send(delay(80, 1) + delay(100, 3))
    patient.finish_sending()
    due = {reply(DELAY, 1, FINE), reply(DELAY, 3, FINE)}
    if {take_reply(patient) for _ in due} != due:
        fail(
            "two delays are asked for, then comes the end of the stream: other replies come",
            Diagnosis("wrong-byte", "each of the two is still owed its own reply"),
        )
    patient.expect_end()
    patient.close()


def as_many_calls_as_may_wait(server: Server, other: Client) -> None:
    """Answered calls do not count, nor do those of other clients."""
    greedy = server.connect()
    half = MOST_CALLS // 2
    greedy.send(b"".join(call(MULTIPLY, n, two(n, 1)) + delay(0, n) for n in range(half)))
    for _ in range(MOST_CALLS):
        take_reply(greedy)
    greedy.send(b"".join(delay(LONG_MS, n) for n in range(MOST_CALLS + 2)))
    try:
        for n in (MOST_CALLS, MOST_CALLS + 1):
            refused = reply(DELAY, n, FAILED, b"too many calls")
            expect_frame(greedy, refused, f"the reply to delay {n + 1} of those that wait")
        other.send(delay(0, 5))
        expect_frame(other, reply(DELAY, 5, FINE), "the reply to another client")
    except StageFailure as failure:
        failure.diagnosis = Diagnosis(
            "call-limit",
            f"{MOST_CALLS} calls of one connection may wait; each that is one more gets 'too many "
            "calls'; other clients do not notice",
        )
        raise
    greedy.reset()
