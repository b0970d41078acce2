"""Lab 1, several clients: in turn, at once, rude ones, slow ones."""

from __future__ import annotations

from grader.labs.lab1.stages_echo import echo_server
from grader.labs.resources import expect_back_pressure, expect_bounded_memory, memory
from grader.labs.scenes import (
    MIB,
    crowd,
    expect_echo,
    reset_after_the_end,
    reset_before_accept,
    reset_in_the_middle,
    reset_when_idle,
    served_client,
)
from grader.labs.server import Server
from grader.labs.stage import Attempt, stage
from grader.run import procinfo
from grader.run.sandbox import Limits
from grader.verdicts import Diagnosis, StageFailure


@stage(
    "1.6",
    "Clients one after another",
    points=6,
    see="lab1#one-after-another",
    source="accept(2), close(2)",
)
def test_one_after_another(attempt: Attempt) -> None:
    """A server serves the next client when one has left, a hundred times, with 32 descriptors to
    live on.
    """
    server = echo_server(attempt, limits=Limits(files=32))
    for number in range(100):
        client = server.connect()
        expect_echo(client, f"client number {number}".encode())
        client.finish_sending()
        try:
            client.expect_end()
        except StageFailure as failure:
            failure.diagnosis = out_of_descriptors(server, 32) or failure.diagnosis
            raise
        client.close()


def out_of_descriptors(server: Server, limit: int) -> Diagnosis | None:
    held = procinfo.descriptors(server.program.pid)
    if len(held) < limit - 2:
        return None
    return Diagnosis(
        "descriptor-leak",
        f"it holds {len(held)} descriptors and may hold {limit}: are those of past clients closed?",
    )


@stage(
    "1.7",
    "Many clients at once",
    points=10,
    see="lab1#concurrent",
    source="fork(2), pthread_create(3) or poll(2)",
)
def test_many_at_once(attempt: Attempt) -> None:
    """Clients are served at the same time: one that is silent, or slow to leave, keeps nobody
    waiting, and the end of each stream is seen while the others go on.
    """
    server = echo_server(attempt)
    server.connect()  # says nothing, and stays
    second = server.connect()
    try:
        expect_echo(second, b"is anybody served while another is silent?")
    except StageFailure as failure:
        failure.diagnosis = Diagnosis(
            "one-at-a-time",
            "the first client is connected and silent; the second is not served until it leaves",
        )
        raise
    clients = crowd(server, 25)
    random = attempt.random()
    for _ in range(150):
        client = clients[random.below(len(clients))]
        expect_echo(client, random.bytes(random.between(1, 2000)))
    newcomers = []
    for client in clients[::2]:
        client.finish_sending()
        client.expect_end()
        newcomers.append(served_client(server))  # may get the descriptor of the one that left
    for client in [*clients[1::2], *newcomers, second]:
        expect_echo(client, b"still here")


@stage(
    "1.8",
    "Clients that reset",
    points=8,
    see="lab1#reset",
    source="RFC 9293, section 3.5.2; signal(7), SIGPIPE",
)
def test_resets(attempt: Attempt) -> None:
    """A client that resets its connection costs nobody else anything: the server lives, the others
    go on, new ones are served.
    """
    server = echo_server(attempt)
    others = [served_client(server) for _ in range(5)]
    kinds = (reset_when_idle, reset_in_the_middle, reset_after_the_end, reset_before_accept)
    for rude in [*kinds, *kinds]:  # what the last one did shows in the next round
        rude(server)
        for client in others:
            expect_echo(client, b"after " + rude.__name__.encode())
        late = server.connect()
        expect_echo(late, b"a new client")
        late.close()


@stage(
    "1.9",
    "A client that never reads",
    points=6,
    see="lab1#backpressure",
    source="RFC 9293, section 3.8.6; send(2)",
    seconds=20,
)
def test_never_reads(attempt: Attempt) -> None:
    """A client that sends and never reads stops itself alone: the others are served, and the
    server's memory stays bounded. What it is owed comes when it reads at last.
    """
    expect_back_pressure(echo_server(attempt), attempt.random())


@stage("1.10", "64 MiB through", points=6, see="lab1#large", source="write(2)", seconds=30)
def test_large(attempt: Attempt) -> None:
    """Any amount of data goes through in both directions at once, unchanged, with bounded
    memory.
    """
    server = echo_server(attempt)
    client = served_client(server)
    before = memory(server)
    data = attempt.random().bytes(64 * MIB)
    client.send(data)
    client.expect(data)
    expect_bounded_memory(server, before)
    client.finish_sending()
    client.expect_end()
