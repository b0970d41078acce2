"""Lab 1, extensions: datagrams."""

from __future__ import annotations

from grader.labs.endpoint import UdpSocket
from grader.labs.server import Server
from grader.labs.stage import Attempt, stage
from grader.labs.terminal import Terminal
from grader.labs.usage import expect_usage
from grader.verdicts import Diagnosis, Hang, StageFailure, fail


@stage(
    "1.17",
    "A UDP echo server",
    points=10,
    see="lab1#udp-server",
    source="RFC 862; RFC 768; recvfrom(2)",
    extension=True,
    program="udp_echo_server",
)
def test_udp_server(attempt: Attempt) -> None:
    """Each datagram goes back to its sender whole, the empty one and the largest too, and nothing
    else does.
    """
    server = Server(attempt, "udp_echo_server", "--port", "0")
    first, second = UdpSocket(attempt, "first client"), UdpSocket(attempt, "second client")
    random = attempt.random()
    for size in (5, 0, 1, 511, 512, 513, 1472, 4096, 9000, 65_506, 65_507):
        data = random.bytes(size)
        first.send(data, server.port)
        first.expect(data, server.port)
    for round in range(20):
        for client in (first, second):
            client.send(f"{client.name} {round}".encode(), server.port)
        for client in (second, first):
            client.expect(f"{client.name} {round}".encode(), server.port)
    both_at_once(server, first, second)
    for _ in range(3):
        gone = UdpSocket(attempt, "a client that is gone")
        gone.send(b"hello", server.port)
        gone.close()
    first.send(b"still here", server.port)
    first.expect(b"still here", server.port)
    expect_usage(
        attempt,
        "udp_echo_server",
        [],
        ["--port"],
        ["--port", "x"],
        ["--port", "0", "--nonsense"],
    )


def both_at_once(server: Server, first: UdpSocket, second: UdpSocket) -> None:
    """Two datagrams wait when the server looks, of different senders."""
    server.program.stop()
    for client in (first, second):
        client.send(client.name.encode(), server.port)
    server.program.go_on()
    for client in (second, first):
        client.expect(client.name.encode(), server.port)


@stage(
    "1.18",
    "A UDP client that tries again",
    points=10,
    see="lab1#udp-client",
    source="RFC 768; RFC 8085, section 3.1.1",
    extension=True,
    program="udp_echo_client",
    seconds=20,
)
def test_udp_client(attempt: Attempt) -> None:
    """A datagram may be lost, late or doubled. The client waits for the reply for a time, sends
    again, gives up after some tries with status 1, and takes only the reply to this line for one.
    """
    server = UdpSocket(attempt, "the server")
    answered(attempt, server)
    lost(attempt, server)
    nobody_there(attempt)
    expect_usage(
        attempt,
        "udp_echo_client",
        [],
        ["127.0.0.1"],
        ["--tries", "0", "127.0.0.1", "7"],
        ["--timeout", "x", "127.0.0.1", "7"],
    )


def udp_client(attempt: Attempt, port: int, timeout: int, tries: int) -> Terminal:
    """udp_echo_client, with ``timeout`` in milliseconds."""
    options = ["--timeout", str(timeout), "--tries", str(tries)]
    return Terminal(attempt, "udp_echo_client", *options, "127.0.0.1", str(port))


def expect_reply(terminal: Terminal, line: bytes) -> None:
    """The client prints this line and no other."""
    try:
        terminal.keyboard.expect(line, "the reply")
    except Hang:
        raise
    except StageFailure as failure:
        failure.diagnosis = Diagnosis(
            "wrong-reply-taken",
            "it printed what is not the reply to this line: a late or strange datagram was taken "
            "for it",
        )
        raise


def answered(attempt: Attempt, server: UdpSocket) -> None:
    """Replies at once, late, twice, and among others. So many tries that a slow machine, which
    answers late, makes no difference: further tries of a line are passed over.
    """
    server.passes_over_repeats = True
    client = udp_client(attempt, server.port, timeout=300, tries=1000)
    client.keyboard.send(b"one\n")
    server.answer(b"one")
    expect_reply(client, b"one\n")
    client.keyboard.send(b"two\n")
    tries = [server.receive(b"two"), *(server.receive_again(b"two") for _ in range(2))]
    if tries[2].at - tries[0].at < 0.45:
        fail(
            f"three tries came within {tries[2].at - tries[0].at:.3f} s, with --timeout 300",
            Diagnosis("timeout-short", "it sent again before the time was over"),
        )
    server.reply(tries[0])
    expect_reply(client, b"two\n")
    for late in tries[1:]:
        server.reply(late)  # late doubles, while the client waits for the reply to the next line
    client.keyboard.send(b"\n")
    empty = server.receive(b"")
    server.reply(tries[0])
    server.reply(empty)
    expect_reply(client, b"\n")
    client.keyboard.send(b"right\n")
    asked = server.receive(b"right")
    for other in (b"", b"rig", b"wrong", b"right?", b"RIGHT"):
        server.send(other, asked.port)
    server.until_next(
        b"right", lambda: server.send(b"wrong", asked.port), client.keyboard.received_size
    )
    server.answer_last()
    expect_reply(client, b"right\n")
    client.keyboard.send(b"no line end")
    client.keyboard.finish_sending()
    server.answer(b"no line end")
    expect_reply(client, b"no line end\n")
    client.expect_status(0, "every line was answered")
    server.waiting.clear()


def lost(attempt: Attempt, server: UdpSocket) -> None:
    """No reply at all: as many tries as were asked for, each as long as was asked for."""
    client = udp_client(attempt, server.port, timeout=20, tries=25)
    client.keyboard.send(b"lost\n")
    server.receive(b"lost")
    for _ in range(24):
        server.receive_again(b"lost")
    client.expect_status(1, "no reply came", words=True)
    server.expect_no_more("the client tried more than --tries times")


def nobody_there(attempt: Attempt) -> None:
    """ECONNREFUSED is a loss like any other: the tries take their time."""
    nobody = UdpSocket(attempt, "nobody")
    nobody.close()
    client = udp_client(attempt, nobody.port, timeout=150, tries=2)
    began = attempt.world.elapsed()
    client.keyboard.send(b"hello\n")
    client.expect_status(1, "nobody is there", words=True)
    if attempt.world.elapsed() - began < 0.25:
        fail(
            "nobody is there, and the client gave up before two tries of 150 ms were over",
            Diagnosis("gave-up-early", "ECONNREFUSED is no reason to stop waiting"),
        )
