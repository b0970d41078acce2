"""What clients of an echo server do, in more than one lab."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from grader.labs.server import Server
from grader.run.client import Client
from grader.run.random import Random
from grader.verdicts import Diagnosis, StageFailure, Verdict

MIB = 1 << 20


def expect_echo(client: Client, data: bytes) -> None:
    client.send(data)
    client.expect(data)


def served_client(server: Server) -> Client:
    """A connection that the server has taken from its queue, whatever its backlog."""
    client = server.connect()
    expect_echo(client, b"hello")
    return client


def more_than_the_buffers_hold(server: Server, client: Client, random: Random) -> bytes:
    """Sends, and does not read, until the server can neither write more nor read more: the end of
    the stream then finds it with output that still waits.
    """
    return send_until(
        server, client, random, lambda: client.queued() > 0 or client.unread() > 0, step=MIB // 2
    )


def send_until(
    server: Server, client: Client, random: Random, enough: Callable[[], bool], *, step: int
) -> bytes:
    """Sends 2 MiB and further steps, and reads nothing, until there is enough or 16 MiB are sent.
    Returns what was sent.
    """
    client.pause_reading()
    data = b""
    for size in (2 * MIB, *[step] * (14 * MIB // step)):
        piece = random.bytes(size)
        client.send(piece)
        data += piece
        server.come_to_rest(client)
        if enough():
            break
    return data


def crowd(server: Server, pairs: int) -> list[Client]:
    """Connections that come two at a time, with their first bytes, before the server looks: as many
    as a backlog of 1 holds, listen(2).
    """
    clients: list[Client] = []
    for _ in range(pairs):
        server.program.stop()
        pair = [server.connect(wait=False) for _ in range(2)]
        for client in pair:
            client.send(f"{client.name} of a crowd".encode())
        server.program.go_on()
        for client in pair:
            client.expect(f"{client.name} of a crowd".encode())
        clients += pair
    return clients


def reset_when_idle(server: Server) -> None:
    """The server's read fails with ECONNRESET."""
    client = server.connect()
    expect_echo(client, b"hello")
    client.reset()


def reset_in_the_middle(server: Server) -> None:
    """The server has read some of it, and waits until it can write what nobody reads."""
    client = server.connect(receive_buffer=4096)
    client.pause_reading()
    client.send(bytes(8 * MIB))
    server.come_to_rest(client)
    client.reset()


def reset_after_the_end(server: Server) -> None:
    """A byte, FIN and RST are all there before the server looks: it reads the byte, and its write
    gets EPIPE.
    """
    server.program.stop()
    client = server.connect(wait=False)
    client.send(b"x")
    client.finish_sending()
    client.wait_sent()
    client.reset()
    server.program.go_on()


def reset_before_accept(server: Server) -> None:
    """The connection is dead before the server takes it from the queue."""
    server.program.stop()
    server.connect(wait=False).reset()
    server.program.go_on()


def fault_kind(faults: str) -> str:
    """The word for what is injected: FAULTS is "kind=number", or several of them."""
    return "mix" if "," in faults else faults.partition("=")[0]


@contextmanager
def explained(meaning: str, kind: str) -> Iterator[None]:
    """A failure in here says which fault was injected: ``meaning`` in words. Not that of a program
    that does not come so far.
    """
    try:
        yield
    except StageFailure as failure:
        before = failure.diagnosis.id if failure.diagnosis else ""
        if failure.verdict is Verdict.BUILD or before == "ended-at-start":
            raise
        failure.summary = f"where {meaning}: {failure.summary}"
        text = failure.diagnosis.text if failure.diagnosis else "it works while nothing disturbs it"
        failure.diagnosis = Diagnosis(f"fault-{kind}", text)
        raise


def short_of_a_descriptor(server: Server) -> None:
    """Its second accept() fails with EMFILE. It may wait for a descriptor to be given back, or turn
    that client away; the next one is served.
    """
    first = served_client(server)
    second = server.connect()
    second.send(b"served at the latest when another has left")
    first.close()
    server.world.wait(
        lambda: second.received_size() > 0 or bool(second.ended), f"{second.name} to be served"
    )
    if not second.ended:
        second.expect(b"served at the latest when another has left")
    expect_echo(server.connect(), b"a descriptor is free again")


def visit(server: Server, count: int) -> None:
    """Clients that come, and leave in four ways."""
    for _ in range(0, count, 4):
        plain, resets, half, rude = (served_client(server) for _ in range(4))
        plain.close()
        resets.reset()
        half.finish_sending()
        half.expect_end()
        half.close()
        rude.pause_reading()
        rude.send(b"nobody reads the echo of this")
        rude.close()
