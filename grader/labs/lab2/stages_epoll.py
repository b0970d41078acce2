"""Lab 2, over epoll: the same server again, and many more clients than select could watch."""

from __future__ import annotations

from grader.labs.lab2 import echo, timers
from grader.labs.lab2.server import idle_connections, limits_for, loop_server, room_for
from grader.labs.lab2.stages_select import back_pressure
from grader.labs.scenes import expect_echo, served_client
from grader.labs.server import Server
from grader.labs.stage import Attempt, stage
from grader.run.client import Client
from grader.verdicts import Diagnosis, fail

IDLE, ACTIVE, ROUNDS = 10_000, 100, 10


@stage(
    "2.8",
    "Epoll: the same server",
    points=7,
    see="lab2#epoll",
    source="epoll(7), epoll_ctl(2), epoll_wait(2)",
)
def test_epoll(attempt: Attempt) -> None:
    """The same server runs on epoll, sleeps in epoll_wait(), and serves one client and many as it
    did on select.
    """
    echo.one_client(attempt, "epoll")
    echo.several_clients(attempt, "epoll")


@stage(
    "2.9",
    "Epoll: all of it again",
    points=7,
    see="lab2#eventpoll",
    source="epoll(7); RFC 9293, sections 3.6 and 3.8.6",
    seconds=40,
)
def test_epoll_again(attempt: Attempt) -> None:
    """Slow readers, half-closed clients, back-pressure and timers depend on no backend: on epoll
    they hold as on select.
    """
    patient = echo.half_closed_reader(attempt, "epoll")
    echo.slow_readers(attempt, "epoll", (4, 4))
    back_pressure(attempt, "epoll")
    timers.all_of_it(attempt, "epoll")
    patient.read_on()  # much later


@stage(
    "2.10",
    "10,000 idle connections",
    points=6,
    see="lab2#scale",
    source="epoll(7); epoll_wait(2)",
    seconds=40,
)
def test_scale(attempt: Attempt) -> None:
    """100 clients are served among 10,000 that are silent, and cost the server hardly more than
    they cost alone: what is not ready costs nothing.
    """
    idle = room_for(IDLE + ACTIVE, least=2000) - ACTIVE
    server = loop_server(attempt, "epoll", limits=limits_for(idle + ACTIVE))
    active = [served_client(server) for _ in range(ACTIVE)]
    alone = cpu_of_rounds(server, active)
    with idle_connections(server, idle):
        among = cpu_of_rounds(server, active)
        if among > 8 * alone + 0.15:
            fail(
                f"{ACTIVE * ROUNDS} echoes cost the server {alone:.2f} s of CPU time alone, and "
                f"{among:.2f} s among {idle:,} idle connections",
                Diagnosis(
                    "cost-of-idle",
                    "something looks at every connection in each turn: epoll_wait tells which are "
                    "ready, and only those",
                ),
            )
    expect_echo(server.connect(), b"after all of them have left")


def cpu_of_rounds(server: Server, clients: list[Client]) -> float:
    """The CPU time, in seconds, that echoes take which come one at a time."""
    before = server.program.cpu_seconds()
    for round in range(ROUNDS):
        for client in clients:
            expect_echo(client, b"round %d" % round)
    return server.program.cpu_seconds() - before
