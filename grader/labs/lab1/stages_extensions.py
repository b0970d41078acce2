"""Lab 1, the extensions: upper case, clients, UDP, and a thread per connection."""

from __future__ import annotations

import os
import re
import socket
from typing import Any

from grader.labs.endpoint import Listener, UdpSocket, loopback_hosts
from grader.labs.lab1.stages_clients import (
    reset_after_the_end,
    reset_in_the_middle,
    reset_when_idle,
)
from grader.labs.lab1.stages_echo import (
    MIB,
    echo_server,
    expect_echo,
    expect_usage,
    served_client,
)
from grader.labs.server import Server
from grader.labs.stage import Attempt, stage
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


class Terminal:
    """A client with the grader at its stdin and stdout. Both are one socket, so that the grader can
    end its input, and stop reading what it prints; ``stdin`` is another file for its input.
    """

    def __init__(
        self, attempt: Attempt, program: str, *args: str, stdin: int | None = None, **more: Any
    ) -> None:
        ours, theirs = socket.socketpair()
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)  # soon full if nobody reads
        self.program = attempt.start(program, *args, stdio=theirs, stdin=stdin, **more)
        theirs.close()
        self.keyboard = Client(attempt.world, ours, "the terminal", peer=program)
        self.keyboard.over = self.program.ended
        attempt.clients.append(self.keyboard)

    def expect_status(self, wanted: int, why: str, words: bool = False) -> None:
        try:
            status = self.program.wait_end()
        except Hang as hang:
            hang.diagnosis = Diagnosis("does-not-end", f"{why}: it should exit with {wanted} now")
            raise
        if status != wanted:
            fail(
                f"{why}: exit status {wanted} is expected, and {self.program.name} "
                f"{self.program.ending()}",
                Diagnosis("exit-status", "the exit status is all that a script sees of a client"),
            )
        if words and self.program.stderr.size == 0:
            fail(
                f"{why}, and stderr has no word of it",
                Diagnosis("silent-error", "a user would not know what went wrong"),
            )


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
    for _ in range(3):
        gone = UdpSocket(attempt, "a client that is gone")
        gone.send(b"hello", server.port)
        gone.close()
    first.send(b"still here", server.port)
    first.expect(b"still here", server.port)
    for args in ([], ["--port"], ["--port", "x"], ["--port", "0", "--nonsense"]):
        expect_usage(attempt, "udp_echo_server", args)


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
    for args in (
        [],
        ["127.0.0.1"],
        ["--tries", "0", "127.0.0.1", "7"],
        ["--timeout", "x", "127.0.0.1", "7"],
    ):
        expect_usage(attempt, "udp_echo_client", args)


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


MIXED = Diagnosis(
    "log-mixed",
    "a record names another connection than the one it came from: is its memory shared between "
    "threads?",
)
_LINE = re.compile(rb"127\.0\.0\.1:(\d+) (\d+) bytes|dropped (\d+) bytes")


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
    for args in ([], ["--port"], ["--port", "x"], ["--port", "0", "--nonsense"]):
        expect_usage(attempt, "echo_threads", args)
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
