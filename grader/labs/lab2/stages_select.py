"""Lab 2, over select: the echo server's bytes, its clients, and what it keeps for them; timers."""

from __future__ import annotations

from grader.labs.lab2 import echo, timers
from grader.labs.lab2.server import idle_connections, limits_for, loop_server, room_for
from grader.labs.resources import expect_back_pressure, expect_idle
from grader.labs.scenes import MIB, expect_echo
from grader.labs.server import Server
from grader.labs.stage import Attempt, stage
from grader.labs.usage import expect_port, expect_usage
from grader.run.client import Client
from grader.run.ports import free_port
from grader.verdicts import Diagnosis, Hang, StageFailure, fail

FD_SETSIZE = 1024
WATCHED_FOR_SURE = 960  # a server has some descriptors for itself


@stage("2.1", "Select: echo", points=8, see="lab2#select", source="select(2); RFC 862")
def test_select_echo(attempt: Attempt) -> None:
    """A server sends back what it receives, whatever the bytes and their pieces, and sleeps in
    select() until there is something to do. A wrong option prints a usage line on stderr and exits
    with 2.
    """
    echo.one_client(attempt, "select")
    port = free_port()
    args = ["--backend", "select", "--port"]
    expect_port(
        Server(attempt, "loop_server", *args, str(port), name="loop_server with a port"), port
    )
    wrong = [[], args, args[:2], ["--port", "0"], [*args, "x"], [*args, "65536"], [*args, ""]]
    wrong += [["--backend", "nonsense", "--port", "0"], [*args, "0", "--nonsense"]]
    wrong += [["--port", "0", "--backend"], [*args, "0", "and more"]]
    expect_usage(attempt, "loop_server", *wrong)


@stage(
    "2.2",
    "Select: several clients",
    points=7,
    see="lab2#several",
    source="select(2), select_tut(2)",
)
def test_select_several(attempt: Attempt) -> None:
    """One thread serves many clients: those that are silent keep nobody waiting, all that are ready
    at once are served, and when some leave the others stay.
    """
    echo.several_clients(attempt, "select")


@stage(
    "2.3",
    "Select: a slow reader stalls nobody",
    points=7,
    see="lab2#partial-writes",
    source="send(2), EAGAIN; fcntl(2), O_NONBLOCK",
    seconds=20,
)
def test_select_slow_readers(attempt: Attempt) -> None:
    """What the kernel does not take at once waits in the server, which serves the others meanwhile;
    all of it comes in order, once the client reads.
    """
    echo.slow_readers(attempt, "select")


@stage(
    "2.4",
    "Select: half-close with output pending",
    points=6,
    see="lab2#half-close",
    source="RFC 9293, section 3.6; shutdown(2)",
)
def test_select_half_close(attempt: Attempt) -> None:
    """A client that sent FIN gets every byte that it is owed, however much of it waits, and then
    the server closes. While the client does not read, the server sleeps.
    """
    echo.half_closes(attempt, "select")
    echo.half_closed_reader(attempt, "select").read_on()


@stage(
    "2.5",
    "Select: back-pressure",
    points=6,
    see="lab2#back-pressure",
    source="RFC 9293, section 3.8.6",
    seconds=20,
)
def test_select_back_pressure(attempt: Attempt) -> None:
    """The server holds at most 1 MiB of output for a client that does not read; then it stops
    reading from it, without using the CPU, and goes on when it reads.
    """
    back_pressure(attempt, "select")


def back_pressure(attempt: Attempt, backend: str) -> None:
    """1 MiB, and what else a server and its allocator may take; 20 MiB do not fit."""
    server = loop_server(attempt, backend, build="plain")
    blocked = server.connect(receive_buffer=4096)
    blocked.pause_reading()
    blocked.send(bytes(6 * MIB))
    server.come_to_rest(blocked)
    expect_idle(
        server.program,
        "while a client that sends does not read",
        "spins-when-full",
        "what is not read stays readable: a client that is not read from is not waited for either",
    )
    expect_back_pressure(server, attempt.random(backend), size=20 * MIB, bound=12 * MIB)
    blocked.resume_reading()
    blocked.expect(bytes(6 * MIB))
    expect_idle(
        server.program,
        "when all that waited has been read",
        "busy-when-idle",
        "LOOP_WRITE is asked for although nothing waits: a socket can nearly always be written to",
    )


@stage("2.6", "Timers", points=7, see="lab2#timers", source="clock_gettime(2), CLOCK_MONOTONIC")
def test_timers(attempt: Attempt) -> None:
    """A timer is called once, never before its time and soon after it; timers come in the order of
    their times; one that was moved or cleared is not called at its old time. Timers and descriptors
    leave each other their turns.
    """
    timers.all_of_it(attempt, "select")


@stage(
    "2.7",
    "Select: FD_SETSIZE",
    points=5,
    see="lab2#fd-setsize",
    source="select(2), FD_SETSIZE; FD_SET(3)",
    seconds=20,
)
def test_fd_setsize(attempt: Attempt) -> None:
    """A connection whose descriptor would reach FD_SETSIZE (1024) is accepted and closed; the
    others go on, and there is room again when some of them leave.
    """
    server = loop_server(
        attempt, "select", build="plain", limits=limits_for(room_for(1100, least=1100))
    )
    with idle_connections(server, WATCHED_FOR_SURE) as low:
        served: list[Client] = []
        refused = 0
        while refused < 8:
            client = server.connect()
            if is_served(server, client):
                served.append(client)
            else:
                refused += 1
            expect_below_setsize(len(low) + len(served))
        for client in served[::10]:
            expect_echo(client, b"still here")
        for client in served[:20]:
            client.finish_sending()
            client.expect_end()
            client.close()
        for _ in range(20):
            expect_echo(server.connect(), b"in the place of another")


def expect_below_setsize(served: int) -> None:
    if served >= FD_SETSIZE:
        fail(
            f"{served} clients are served at once by select",
            Diagnosis("beyond-setsize", "an fd_set has room for the descriptors 0 to 1023"),
        )


def is_served(server: Server, client: Client) -> bool:
    """Whether the server echoes, and does not close."""
    client.send(b"hello")
    try:
        server.world.wait(
            lambda: client.received_size() >= 5 or bool(client.ended) or server.program.ended(),
            f"{client.name} to be served or refused",
        )
    except Hang as hang:
        hang.diagnosis = Diagnosis(
            "neither-served-nor-refused",
            "a connection that can't be watched stays open: accept it, and close it",
        )
        raise
    if server.program.ended():
        overflow = Diagnosis(
            "setsize-overflow", "FD_SET of a descriptor from 1024 on writes behind the set"
        )
        by_itself = Diagnosis("ended-early", "the server ended while it should serve on")
        raise StageFailure(
            f"{server.program.name} {server.program.ending()} with {client.name}",
            diagnosis=overflow if server.program.verdict_of_ending() else by_itself,
        )
    if not client.received_size():
        return False
    client.expect(b"hello")
    return True
