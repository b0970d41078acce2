"""Lab 2, extensions: edges instead of levels, and a third backend."""

from __future__ import annotations

from pathlib import Path

from grader.labs.lab2 import echo
from grader.labs.lab2.server import idle_connections, limits_for, loop_server, room_for
from grader.labs.lab2.stages_both import batch, crossing_clients, expect_rest, fair, hang_ups
from grader.labs.resources import expect_patience
from grader.labs.scenes import MIB, expect_echo, served_client
from grader.labs.stage import Attempt, stage
from grader.labs.usage import require_known
from grader.run import procinfo
from grader.run.sandbox import Limits
from grader.verdicts import Diagnosis, fail

EPOLLET = 1 << 31


@stage(
    "2.18",
    "Edge-triggered",
    points=10,
    see="lab2#edge",
    source="epoll(7), 'Level-triggered and edge-triggered'",
    extension=True,
    seconds=40,
)
def test_edge(attempt: Attempt) -> None:
    """With --backend edge every connection is registered with EPOLLET, and nothing is lost: what
    arrives while something else is done is read all the same.
    """
    expect_known(attempt, "edge")
    expect_edges(attempt)
    everything(attempt, "edge")
    echo.slow_readers(attempt, "edge", (4, 4))


@stage(
    "2.19",
    "A poll backend",
    points=10,
    see="lab2#poll",
    source="poll(2)",
    extension=True,
    seconds=40,
)
def test_poll(attempt: Attempt) -> None:
    """With --backend poll the server sleeps in poll(), and knows no FD_SETSIZE."""
    expect_known(attempt, "poll")
    batch(attempt, "poll")
    everything(attempt, "poll")
    few = loop_server(attempt, "poll", limits=Limits(files=64))
    for _ in range(70):  # poll(2) refuses an array with more entries than descriptors are allowed
        client = served_client(few)
        client.finish_sending()
        client.expect_end()
        client.close()
    server = loop_server(attempt, "poll", limits=limits_for(room_for(1200, least=1200)))
    with idle_connections(server, 1100):
        expect_echo(server.connect(), b"one of more than 1024")


def expect_known(attempt: Attempt, backend: str) -> None:
    """Raises NotAttempted where the server refuses the backend as it refuses any other word."""
    require_known(
        attempt,
        "loop_server",
        "--backend",
        backend,
        otherwise=f"loop_server knows no backend '{backend}'",
    )


def everything(attempt: Attempt, backend: str) -> None:
    """What the main stages ask of select and epoll, as far as a backend can spoil it."""
    echo.one_client(attempt, backend)
    echo.several_clients(attempt, backend)
    echo.half_closes(attempt, backend)
    fair(attempt, backend)
    hang_ups(attempt, backend)
    crossing_clients(attempt, backend)
    expect_rest(attempt)
    expect_patience(
        loop_server(attempt, backend, name=f"loop_server on {backend} without descriptors")
    )


def expect_edges(attempt: Attempt) -> None:
    """The kernel lists what an epoll instance watches, and how: proc(5), fdinfo."""
    server = loop_server(attempt, "edge")
    client = served_client(server)
    server.program.stop()
    many = [server.connect(wait=False) for _ in range(100)]  # more than one turn accepts
    for one in many:
        one.send(b"hello")
    server.program.go_on()
    for one in many:
        one.expect(b"hello")
    masks = watched_sockets(server.program.pid)
    if masks and not any(mask & EPOLLET for mask in masks.values()):
        fail(
            "no descriptor of the edge backend is registered with EPOLLET",
            Diagnosis("no-edges", "EPOLLET is a flag of epoll_ctl(2), beside EPOLLIN"),
        )
    for size in (1, 300_000, 2 * MIB):  # more than one buffer, in one edge
        expect_echo(client, attempt.random("edge", size).bytes(size))


def watched_sockets(pid: int) -> dict[int, int]:
    """By descriptor: the events that an epoll instance of the process waits for."""
    found = {}
    for number, what in procinfo.descriptors(pid).items():
        if "eventpoll" not in what:
            continue
        for line in Path(f"/proc/{pid}/fdinfo/{number}").read_text().splitlines():
            words = line.split()
            if words and words[0] == "tfd:":
                found[int(words[1])] = int(words[3], 16)
    return found
