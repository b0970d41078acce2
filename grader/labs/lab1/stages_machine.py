"""Lab 1, the machine: short counts, interrupted calls, restarts, and what is left behind."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from grader.labs.lab1.stages_echo import echo_server
from grader.labs.resources import (
    expect_idle,
    expect_no_connections,
    expect_no_more_descriptors,
    expect_no_zombies,
    expect_patience,
    held_descriptors,
    living,
)
from grader.labs.scenes import (
    expect_echo,
    explained,
    fault_kind,
    reset_in_the_middle,
    served_client,
    short_of_a_descriptor,
    visit,
)
from grader.labs.server import Server
from grader.labs.stage import Attempt, stage
from grader.run import procinfo
from grader.verdicts import Diagnosis, Hang, StageFailure, fail

FAULTS = {
    "read=3": "each read() gives at most three bytes",
    "write=2": "each write() takes at most two bytes",
    "eintr=2": "every second call fails with EINTR",
    "read=7,write=5,eintr=3": "short reads, short writes and EINTR together",
    "aborted=1": "the first accept() fails with ECONNABORTED",
}


@stage(
    "1.11",
    "Short reads, short writes, interrupted calls",
    points=8,
    see="lab1#short-counts",
    source="read(2), write(2), signal(7)",
)
def test_short_counts(attempt: Attempt) -> None:
    """read() and write() may move fewer bytes than asked for, any call may be interrupted, and
    accept() may fail for a reason that passes: no byte is lost, no client is dropped, the server
    goes on.
    """
    for faults, meaning in FAULTS.items():
        with under(attempt, faults, meaning) as server:
            for size in (1, 10, 20_000):
                client = server.connect()
                data = attempt.random(faults, size).bytes(size)
                expect_echo(client, data)
                client.finish_sending()
                client.expect_end()
                client.close()
    with under(attempt, "emfile=2", "the second accept() fails with EMFILE") as server:
        short_of_a_descriptor(server)


@contextmanager
def under(attempt: Attempt, faults: str, meaning: str) -> Iterator[Server]:
    """A server of the fault build; a failure says which fault it was."""
    environment = {"FAULTS": faults}
    with explained(meaning, fault_kind(faults)):
        server = echo_server(
            attempt, build="faults", environment=environment, name=f"echo_server with {faults}"
        )
        yield server
    server.program.close()


@stage(
    "1.12",
    "Restart on the same port",
    points=6,
    see="lab1#restart",
    source="socket(7), SO_REUSEADDR; RFC 9293, section 3.6.1",
)
def test_restart(attempt: Attempt) -> None:
    """A server that was killed while clients were connected can be started again on its port at
    once.
    """
    first = echo_server(attempt)
    leaving, staying = first.connect(), first.connect()
    for client in (leaving, staying):
        expect_echo(client, b"hello")
    children = procinfo.children(first.program.pid)
    first.program.kill()
    leaving.close()  # now in TIME_WAIT on the server's side, unless a child still serves it
    attempt.world.observe(1.0, lambda: not holders(first, children))  # they may be about to end
    again = restarted(attempt, first, children)
    expect_echo(again.connect(), b"hello again")


def holders(first: Server, children: list[int]) -> list[int]:
    """The children that have the listening socket open."""
    return [pid for pid in children if first.port in procinfo.listening_ports(pid)]


def restarted(attempt: Attempt, first: Server, children: list[int]) -> Server:
    try:
        return Server(
            attempt, "echo_server", "--port", str(first.port), name="echo_server started again"
        )
    except Hang:
        raise
    except StageFailure as failure:
        failure.diagnosis = (
            Diagnosis(
                "child-holds-listener",
                "a child of the killed server still has the listening socket open, so the port "
                "stays busy",
            )
            if holders(first, children)
            else Diagnosis(
                "address-in-use",
                "connections of the killed server are in TIME_WAIT: without SO_REUSEADDR, bind() "
                "refuses the port",
            )
        )
        raise


@stage(
    "1.13",
    "Nothing left behind",
    points=8,
    see="lab1#resources",
    source="wait(2), close(2); accept(2), EMFILE",
    seconds=20,
)
def test_nothing_left_behind(attempt: Attempt) -> None:
    """When clients are gone, so are their descriptors and processes. A server that has nothing to
    do uses no CPU, and neither does one that has no descriptor left; it serves again as soon as
    some are free.
    """
    server = echo_server(attempt)
    visit(server, 4)
    expect_no_connections(server)
    before = held_descriptors(server)
    expect_no_more_processes(server)
    reset_in_the_middle(server)
    expect_no_connections(server)
    expect_no_more_descriptors(server, before)
    expect_no_zombies(server)
    idle = [served_client(server) for _ in range(3)]
    idle[1].pause_reading()
    idle[1].send(bytes(1 << 20))
    expect_idle(
        server.program,
        "with three idle clients",
        "busy-when-idle",
        "a loop calls again and again what returns at once",
    )
    expect_patience(echo_server(attempt, name="echo_server without free descriptors"))


def expect_no_more_processes(server: Server) -> None:
    """Clients come and go, twenty at a time, until that adds no processes. A pool may still be
    starting at first; children that stay add twenty each time.
    """
    for _ in range(10):
        before = living(server)
        visit(server, 20)
        expect_no_connections(server)
        if living(server) <= before + 5:
            return
    fail(
        f"after 200 clients have left, the server has {living(server)} processes",
        Diagnosis(
            "children-stay",
            "processes are left over after clients left: a child that is done has to exit",
        ),
    )
