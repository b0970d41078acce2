"""Lab 1, the extensions: upper case, clients, UDP, and a thread per connection."""

from __future__ import annotations

import re
import socket
from itertools import pairwise

from grader.labs.endpoint import Listener, UdpSocket, loopback_families
from grader.labs.lab1.stages_echo import MIB, echo_server, expect_echo, expect_usage
from grader.labs.server import Server
from grader.labs.stage import Attempt, stage
from grader.run.client import Client
from grader.run.program import Program
from grader.verdicts import Diagnosis, NotAttempted, StageFailure, fail


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
    """echo_client with the grader at both its ends: its terminal (stdin and stdout) and its
    server.
    """

    def __init__(self, attempt: Attempt, host: str, port: int) -> None:
        ours, theirs = socket.socketpair()
        self.program: Program = attempt.start("echo_client", host, str(port), stdio=theirs)
        theirs.close()
        self.keyboard = Client(attempt.world, ours, "the terminal")
        attempt.clients.append(self.keyboard)

    def expect_status(self, wanted: int, why: str, words: bool = False) -> None:
        code = self.program.wait_end()
        if code != wanted:
            raise StageFailure(
                f"{why}: exit status {wanted} is expected, and echo_client {self.program.ending()}",
                diagnosis=Diagnosis(
                    "exit-status", "the exit status is all that a script sees of a client"
                ),
            )
        if words and self.program.stderr.size == 0:
            fail(
                f"{why}, and stderr has no word of it",
                Diagnosis("silent-error", "a user would not know what went wrong"),
            )


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
    terminal = Terminal(attempt, "127.0.0.1", listener.port)
    server = listener.accept()
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
        failure.diagnosis = failure.diagnosis if server.queued() == 0 else deadlock()
        raise
    server.resume_reading()
    server.expect(up, "the client's input")
    terminal.keyboard.finish_sending()
    server.expect_end()
    server.send(b"the server has the last word")
    terminal.keyboard.expect(b"the server has the last word", "what came after the half-close")
    server.finish_sending()
    terminal.expect_status(0, "all was sent, and the server closed")
    terminal.keyboard.expect_nothing_more()
    for leave, why in (
        (Client.close, "the server closed first"),
        (Client.reset, "the server reset the connection"),
    ):
        terminal = Terminal(attempt, "127.0.0.1", listener.port)
        server = listener.accept()
        terminal.keyboard.send(b"hello")
        server.expect(b"hello", "the client's input")
        leave(server)
        terminal.expect_status(1, why, words=True)
    for args in ([], ["127.0.0.1"], ["--nonsense", "127.0.0.1", "7"], ["127.0.0.1", "7", "8"]):
        expect_usage(attempt, "echo_client", args)


def deadlock() -> Diagnosis:
    return Diagnosis(
        "both-block",
        "the server sends and does not read yet, the client sends and does not print: both wait "
        "for the other for ever",
    )


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
    for family, address in loopback_families():
        listener = Listener(attempt, family)
        for host in (address, "localhost"):
            terminal = Terminal(attempt, host, listener.port)
            try:
                server = listener.accept()
            except StageFailure as failure:
                failure.diagnosis = Diagnosis(
                    "one-address-only",
                    f"{host} has an address that answers: {address}. Is each address tried?",
                )
                raise
            server.finish_sending()
            terminal.keyboard.finish_sending()
            server.expect_end()
            terminal.program.wait_end()
        listener.close()
        Terminal(attempt, "localhost", listener.port).expect_status(
            1, "nobody listens on that port", words=True
        )
    Terminal(attempt, "no." + "x" * 70, 7).expect_status(
        1, "the name can't be resolved", words=True
    )


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
    for args in ([], ["--port"], ["--port", "x"], ["--nonsense"]):
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
    client, program = udp_client(attempt, server.port, "--timeout", "300", "--tries", "3")
    client.send(b"one\n")
    server.answer(b"one")
    client.expect(b"one\n", "the reply")
    client.send(b"two\n")
    tries = [server.receive(b"two") for _ in range(3)]
    for before, after in pairwise(tries):
        if after.at - before.at < 0.295:
            fail(
                f"the next try came {after.at - before.at:.3f} s after the one before, with "
                "--timeout 300",
                Diagnosis("timeout-short", "it sent again before the time was over"),
            )
    server.reply(tries[0])
    client.expect(b"two\n", "the reply")
    for late in tries[1:]:
        server.reply(late)  # late doubles, while the client waits for the reply to the next line
    client.send(b"\n")
    empty = server.receive(b"")
    server.reply(tries[0])
    server.reply(empty)
    client.expect(b"\n", "the empty reply")
    client.send(b"junk\n")
    asked = server.receive(b"junk")
    server.until_next(b"junk", lambda: server.send(b"not the reply", asked.port))
    server.answer_last()
    client.expect(b"junk\n", "the reply")
    client.send(b"no line end")
    client.finish_sending()
    server.answer(b"no line end")
    client.expect(b"no line end\n", "the reply")
    expect_status(program, 0, "every line was answered")
    client, program = udp_client(attempt, server.port, "--timeout", "50", "--tries", "4")
    client.send(b"lost\n")
    for _ in range(4):
        server.receive(b"lost")
    expect_status(program, 1, "no reply came")
    server.expect_no_more(b"lost", "the client tried more than --tries times")
    nobody = UdpSocket(attempt, "nobody")
    nobody.close()
    client, program = udp_client(attempt, nobody.port, "--timeout", "20", "--tries", "2")
    client.send(b"hello\n")
    expect_status(program, 1, "nobody is there")
    for args in (
        [],
        ["127.0.0.1"],
        ["--tries", "0", "127.0.0.1", "7"],
        ["--timeout", "x", "127.0.0.1", "7"],
    ):
        expect_usage(attempt, "udp_echo_client", args)


def udp_client(attempt: Attempt, port: int, *options: str) -> tuple[Client, Program]:
    ours, theirs = socket.socketpair()
    program = attempt.start("udp_echo_client", *options, "127.0.0.1", str(port), stdio=theirs)
    theirs.close()
    client = Client(attempt.world, ours, "the terminal")
    attempt.clients.append(client)
    return client, program


def expect_status(program: Program, wanted: int, why: str) -> None:
    if program.wait_end() != wanted:
        fail(
            f"{why}: exit status {wanted} is expected, and {program.name} {program.ending()}",
            Diagnosis("exit-status", "the exit status is all that a script sees of a client"),
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
    clients = [server.connect() for _ in range(8)]
    for round in range(5):
        for number, client in enumerate(clients):
            expect_echo(client, bytes(1 + round * 8 + number))
    total = sum(client.sent_size for client in clients)
    expect_logged(server, clients, total)
    server.program.pause_output(4096)
    for round in range(120):
        for client in clients:
            expect_echo(client, b"the logger is stuck" + bytes(round))
    for client in clients[:4]:
        client.finish_sending()
        client.expect_end()
    server.program.read_output()
    expect_logged(server, clients, sum(client.sent_size for client in clients))
    for args in ([], ["--port"], ["--port", "x"], ["--nonsense"]):
        expect_usage(attempt, "echo_threads", args)


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


def expect_logged(server: Server, clients: list[Client], total: int) -> None:
    """The lines add up to every byte that was sent, and no connection has more than it sent."""

    def counted() -> int:
        return sum(size + dropped for _, size, dropped in log_lines(server))

    try:
        server.world.wait(lambda: counted() >= total, f"the log to account for all {total} bytes")
    except StageFailure as failure:
        if failure.diagnosis is None:
            failure.summary += f": it has {counted()}"
            failure.diagnosis = Diagnosis(
                "log-incomplete",
                "what is neither logged nor counted as dropped is lost without a trace",
            )
        raise
    if counted() > total:
        fail(
            f"the log has {counted()} bytes, and {total} were sent",
            Diagnosis("log-twice", "some piece is logged and counted as dropped"),
        )
    sent = {client.local_port(): client.sent_size for client in clients}
    for port in {port for port, _, _ in log_lines(server) if port}:
        logged = sum(size for other, size, _ in log_lines(server) if other == port)
        if logged > sent.get(port, 0):
            fail(
                f"the log has {logged} bytes for port {port}, which sent {sent.get(port, 0)}",
                Diagnosis(
                    "log-mixed",
                    "a record names another connection than the one it came from: is it shared "
                    "between threads?",
                ),
            )
