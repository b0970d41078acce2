"""What an echo server on a loop owes its clients, on any backend."""

from __future__ import annotations

from dataclasses import dataclass

from grader.labs.lab2.server import expect_to_sleep_in, loop_server
from grader.labs.resources import expect_idle
from grader.labs.scenes import (
    MIB,
    crowd,
    expect_echo,
    more_than_the_buffers_hold,
    send_until,
    served_client,
)
from grader.labs.server import Server
from grader.labs.stage import Attempt
from grader.run import procinfo
from grader.run.client import Client
from grader.verdicts import Diagnosis, Hang, fail


def one_client(attempt: Attempt, backend: str) -> None:
    """Any bytes, in any pieces, to their end; and sleep between them."""
    server = loop_server(attempt, backend)
    client = server.connect()
    expect_echo(client, b"hello")
    expect_to_sleep_in(server.program, backend)
    expect_idle(
        server.program,
        "after an echo, while the client is silent",
        "busy-when-idle",
        "something is waited for that is always so: a socket can nearly always be written to",
    )
    expect_echo(client, bytes(range(256)))
    for byte in b"one\0by one\r\n":
        expect_echo(client, bytes([byte]))
    random = attempt.random(backend, "sizes")
    for size in (1000, 4095, 4096, 4097, 65535, 65536, 65537, 300_000):
        expect_echo(client, random.bytes(size))
    client.send(b"the last word")
    client.finish_sending()
    client.expect(b"the last word")
    client.expect_end()
    data_and_end_at_once(server)
    expect_echo(server.connect(), b"another client")


def several_clients(attempt: Attempt, backend: str) -> None:
    """Silent, many, at once, and leaving in any order."""
    server = loop_server(attempt, backend)
    server.connect()  # says nothing, and stays
    second = server.connect()
    try:
        expect_echo(second, b"is anybody served while another is silent?")
    except Hang as failure:
        failure.diagnosis = Diagnosis(
            "one-at-a-time",
            "the first client is connected and silent; the second is not served until it leaves",
        )
        raise
    before = _threads(server)
    clients = crowd(server, 10)
    if _threads(server) > before + len(clients) // 2:
        fail(
            f"for {len(clients)} clients the server started {_threads(server) - before} threads "
            "or processes",
            Diagnosis("not-one-loop", "one thread serves all clients of this lab"),
        )
    random = attempt.random(backend)
    for _ in range(100):
        client = clients[random.below(len(clients))]
        expect_echo(client, random.bytes(random.between(1, 2000)))
    all_at_once(server, [*clients, second])
    middle, highest = len(clients) // 2, len(clients) - 1
    for leaving in (middle, highest, 0):
        clients[leaving].finish_sending()
        clients[leaving].expect_end()
    staying = [c for n, c in enumerate(clients) if n not in (middle, highest, 0)]
    all_at_once(server, staying)
    newcomers = [served_client(server) for _ in range(2)]  # with the numbers of those that left
    for client in [*staying, *newcomers, second]:
        expect_echo(client, b"still here")
        client.expect_nothing_more()
    expect_echo(loop_server(attempt, backend, closed_stdin=True).connect(), b"a descriptor is 0")


def all_at_once(server: Server, clients: list[Client]) -> None:
    """All have sent something before the server looks."""
    server.program.stop()
    for client in clients:
        client.send(b"at once: " + client.name.encode())
        client.wait_sent()
    server.program.go_on()
    for client in clients:
        client.expect(b"at once: " + client.name.encode())


def _threads(server: Server) -> int:
    return sum(len(procinfo.threads(pid)) for pid in server.program.processes())


def data_and_end_at_once(server: Server) -> None:
    """One event tells of both."""
    server.program.stop()
    burst = server.connect(wait=False)
    burst.send(bytes(range(200)))
    burst.finish_sending()
    server.program.go_on()
    burst.expect(bytes(range(200)))
    burst.expect_end()


def slow_readers(attempt: Attempt, backend: str, sizes: tuple[int, ...] = (6, 4, 4)) -> None:
    """Some that do not read what they send, so many MiB, and one that goes on; then they read after
    all, by turns.
    """
    server = loop_server(attempt, backend)
    other = served_client(server)
    random = attempt.random(backend, "slow")
    slow = [server.connect(receive_buffer=None if size > 4 else 4096) for size in sizes]
    data = [random.bytes(size * MIB) for size in sizes]
    for client, its in zip(slow, data, strict=True):
        client.pause_reading()
        client.send(its)
        server.come_to_rest(client)
        try:
            expect_echo(other, b"is anybody there?")
        except Hang as failure:
            failure.diagnosis = Diagnosis(
                "blocked-by-one",
                "another client does not read, and this one is not served: the server is at "
                f"'{procinfo.doing(server.program.pid)}'. Does its socket block?",
            )
            raise
    read_a_little(server, slow[-1], other)
    for client in slow:
        client.resume_reading()
    for client, its in zip(slow, data, strict=True):
        client.expect(its)
        expect_echo(other, b"still there?")
    for client in slow:
        expect_echo(client, b"and in step again")


def read_a_little(server: Server, client: Client, other: Client) -> None:
    """The kernel takes a part of what waits, and no more: again the server has to wait."""
    for _ in range(2):
        goal = client.received_size() + MIB // 2
        client.resume_reading()
        server.world.wait(
            lambda goal=goal: client.received_size() >= goal or bool(client.ended),  # type: ignore[misc]
            f"some more of the echo to {client.name}",
        )
        client.pause_reading()
        server.come_to_rest(client)
        expect_echo(other, b"and now?")
    expect_idle(
        server.program,
        "while a client has stopped reading again",
        "spins-when-full",
        "a write that would block is tried again and again, or one that would not is not tried",
    )


def half_closes(attempt: Attempt, backend: str) -> None:
    """FIN with and without output that waits, and together with the last data."""
    server = loop_server(attempt, backend)
    for data in (b"", b"the last word"):
        client = server.connect()
        client.send(data)
        client.finish_sending()
        client.expect(data)
        client.expect_end()
    data_and_end_at_once(server)
    client = server.connect(receive_buffer=4096)
    data = more_than_the_buffers_hold(server, client, attempt.random(backend))
    client.finish_sending()
    server.come_to_rest(client)
    client.resume_reading()
    client.expect(data)
    client.expect_end()


@dataclass
class HalfClosedReader:
    """A client that half-closed, and that is owed ``data``, which it does not read yet."""

    client: Client
    data: bytes

    def read_on(self) -> None:
        self.client.resume_reading()
        self.client.expect(self.data)
        self.client.expect_end()


def half_closed_reader(attempt: Attempt, backend: str) -> HalfClosedReader:
    """The end of its input is there to be read in each turn, and its output can't be written."""
    server = loop_server(attempt, backend)
    client = server.connect(receive_buffer=4096)
    random = attempt.random(backend, "idle")
    data = send_until(server, client, random, lambda: client.held() > 0, step=MIB // 4)
    client.finish_sending()
    server.come_to_rest(client)
    expect_idle(
        server.program,
        "while a client that half-closed does not read",
        "spins-at-end",
        "the end of the stream is readable for ever: after it, wait to write only",
    )
    return HalfClosedReader(client, data)
