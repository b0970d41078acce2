"""Lab 2, on both backends: what clients, the kernel and other threads do to a loop."""

from __future__ import annotations

import time

from grader.labs.lab2.driver import Driver
from grader.labs.lab2.server import BACKENDS, loop_server, on
from grader.labs.resources import (
    expect_idle,
    expect_no_connections,
    expect_no_more_descriptors,
    expect_patience,
)
from grader.labs.scenes import (
    MIB,
    expect_echo,
    explained,
    fault_kind,
    reset_after_the_end,
    reset_before_accept,
    reset_in_the_middle,
    reset_when_idle,
    served_client,
    short_of_a_descriptor,
    visit,
)
from grader.labs.server import Server
from grader.labs.stage import Attempt, stage
from grader.run import procinfo
from grader.verdicts import Diagnosis, StageFailure, fail

FLOOD = 3 * MIB
OTHERS = 7  # clients beside the one that floods
TIMERS = 124  # of the driver's
READ, WRITE = 1, 2  # LOOP_READ, LOOP_WRITE


@stage("2.11", "Fairness", points=5, see="lab2#fairness", source="epoll(7)", seconds=30)
def test_fairness(attempt: Attempt) -> None:
    """A client that always has something to read does not keep the others from their turns."""
    for backend in BACKENDS:
        with on(backend):
            fair(attempt, backend)


def fair(attempt: Attempt, backend: str) -> None:
    """Reads give at most three bytes, so that 3 MiB are a million turns, or one that does not end.
    Who comes first in a batch is chance, but hardly ever all the others; so is a delay on a busy
    machine.
    """
    unfair = 0
    for _ in range(3):
        server = faulty_server(attempt, backend, "read=3")
        flooding, *others = (served_client(server) for _ in range(1 + OTHERS))
        server.program.stop()
        flooding.send(bytes(FLOOD))
        for other in others:
            other.send(b"?")
        used, began = server.program.cpu_seconds(), time.monotonic()
        server.program.go_on()
        for other in others:
            other.expect(b"?")
        now = time.monotonic()
        waited = max(now - began - other.seconds_since_data() for other in others)
        unfair += waited > 0.2 and server.program.cpu_seconds() - used > 0.15
        if unfair == 2:
            fail(
                f"a client waits for {waited:.1f} s while the server reads what another one sent",
                Diagnosis(
                    "unfair",
                    "a socket is read until nothing is left, and a fast sender always has more: "
                    "bound what one turn reads",
                ),
            )
        server.program.close()


@stage(
    "2.12",
    "Resets and hang-ups",
    points=6,
    see="lab2#hang-up",
    source="epoll_ctl(2), EPOLLHUP and EPOLLERR; RFC 9293, section 3.5.2",
    seconds=20,
)
def test_hang_ups(attempt: Attempt) -> None:
    """A client that resets or vanishes, whatever the server was doing for it, costs the others
    nothing: the server lives, and its descriptors come back.
    """
    for backend in BACKENDS:
        with on(backend):
            hang_ups(attempt, backend)
    expect_rest(attempt)


def expect_rest(attempt: Attempt) -> None:
    """Of all servers that still run."""
    expect_idle(
        [program for program in attempt.programs if not program.ended()],
        "after clients have left",
        "spins-after-reset",
        "an error or a hang-up is told in each turn until the descriptor is closed",
    )


def hang_ups(attempt: Attempt, backend: str) -> None:
    server = loop_server(attempt, backend)
    expect_listener_not_to_block(server)
    others = [served_client(server) for _ in range(3)]
    visit(server, 4)
    before = len(procinfo.descriptors(server.program.pid))
    kinds = (reset_when_idle, reset_in_the_middle, reset_after_the_end, reset_before_accept)
    for rude in [*kinds, reset_when_half_closed, *kinds[:1]]:  # what one did shows in the next
        rude(server)
        for client in others:
            expect_echo(client, b"after " + rude.__name__.encode())
        late = server.connect()
        expect_echo(late, b"a new client")
        late.close()
    visit(server, 8)
    expect_no_more_descriptors(server, before)
    for client in others:
        client.close()
    expect_no_connections(server)


def expect_listener_not_to_block(server: Server) -> None:
    """As accept(2) asks for: a connection may be gone before it is accepted."""
    if procinfo.listener_blocks(server.program.pid):
        fail(
            f"the listening socket of {server.program.name} blocks",
            Diagnosis(
                "listener-blocks",
                "a client that leaves between the event and accept() would stop the whole loop",
            ),
        )


def reset_when_half_closed(server: Server) -> None:
    """After its FIN the server waits to write only, and no write comes that could fail."""
    client = server.connect(receive_buffer=4096)
    client.pause_reading()
    client.send(bytes(4 * MIB))
    server.come_to_rest(client)
    client.finish_sending()
    server.come_to_rest(client)
    client.reset()


@stage(
    "2.13",
    "Events of one batch",
    points=6,
    see="lab2#batch",
    source="epoll(7), 'Possible pitfalls'",
    seconds=20,
)
def test_batch(attempt: Attempt) -> None:
    """One wait tells of many descriptors. What a callback removes, closes or asks nothing more of
    is not told any more, even if its number has come to another descriptor; all others are told.
    """
    for backend in BACKENDS:
        with on(backend):
            batch(attempt, backend)
            crossing_clients(attempt, backend)


def batch(attempt: Attempt, backend: str) -> None:
    driver = Driver(attempt, backend)
    for order in ("steal", "mute", "steal", "mute"):
        driver.order(order)
        driver.expect("told")
        try:
            driver.expect("over")
        except StageFailure as failure:
            if driver.lines and not driver.program.ended():
                failure.diagnosis = Diagnosis(
                    f"stale-event-{order}",
                    "the batch was collected before the first callback ran: what that removed, or "
                    "asks nothing more of, must not be told",
                )
            raise
    for events in (READ, WRITE, READ | WRITE, 0):
        driver.order(f"end {events}")
        if events:
            expect_end_told(driver, events)
        driver.expect("over")
    expect_no_spin(driver)
    for order, told in (("hup", READ), ("err", WRITE), ("full", READ), ("high 500", READ)):
        driver.order(order)
        expect_end_told(driver, told)
        driver.expect("over")
    driver.order("twice")
    driver.expect("refused")
    driver.order("many 400")
    driver.expect("many 400")
    driver.order("stop")
    driver.expect("stopped")
    driver.obeyed("clear 1")


def expect_end_told(driver: Driver, events: int) -> None:
    """A lost peer can be read (end of file) and written (an error): what was asked for is told."""
    try:
        driver.expect(f"end {events}")
    except StageFailure as failure:
        failure.diagnosis = Diagnosis(
            "hang-up-untold",
            "after a hang-up everything that was asked for is possible, and nothing else is told",
        )
        raise


def expect_no_spin(driver: Driver) -> None:
    expect_idle(
        driver.program,
        "when nothing is asked for that could be told",
        "spins-untold",
        "the kernel tells of a descriptor from which nothing is asked for, and the loop wakes up "
        "for it again and again: EPOLLHUP and EPOLLERR are always told",
    )


def crossing_clients(attempt: Attempt, backend: str) -> None:
    """In one batch clients send, reset, half-close and come: each gets its own bytes."""
    server = loop_server(attempt, backend)
    staying = [served_client(server) for _ in range(8)]
    for round in range(4):
        leaving = [served_client(server) for _ in range(8)]
        server.program.stop()
        coming = [server.connect(wait=False) for _ in range(2)]
        for number, client in enumerate(leaving):
            client.send(b"left behind")
            client.wait_sent()
            if number % 2:
                client.reset()
            else:
                client.finish_sending()
        for client in [*staying, *coming]:
            client.send(f"{client.name} in round {round}".encode())
        server.program.go_on()
        for client in [*staying, *coming]:
            client.expect(f"{client.name} in round {round}".encode())
            client.expect_nothing_more()
        for client in leaving[::2]:
            client.expect(b"left behind")
            client.expect_end()
        for _ in range(8):
            served_client(server).expect_nothing_more()


@stage(
    "2.14",
    "No descriptor left",
    points=5,
    see="lab2#emfile",
    source="accept(2), EMFILE",
    seconds=20,
)
def test_no_descriptor(attempt: Attempt) -> None:
    """Without a free descriptor the server neither spins nor ends, and serves those that it has; it
    takes new clients once some are free.
    """
    expect_patience(*[loop_server(attempt, backend) for backend in BACKENDS])


FAULTS = {
    "eintr=2": "every second call fails with EINTR",
    "read=7,write=5,eintr=3": "short reads, short writes and EINTR together",
    "aborted=1": "the first accept() fails with ECONNABORTED",
    "emfile=2": "the second accept() fails with EMFILE",
}
# Once is enough for what no backend changes. What would block although the loop said otherwise is
# not for a program that waits for edges on epoll, which is its own choice.
MORE_FAULTS = {
    "read=3": "each read() gives at most three bytes",
    "write=2": "each write() takes at most two bytes",
    "eintr=3": "every third call fails with EINTR",
    "enfile=2": "the second accept() fails with ENFILE",
    "enobufs=2": "the second accept() fails with ENOBUFS",
    "enomem=2": "the second accept() fails with ENOMEM",
    "eagain=3": "every third write() would block",
    "again=3": "every third read() would block",
}
SHORTAGES = ("emfile=2", "enfile=2", "enobufs=2", "enomem=2")


@stage(
    "2.15",
    "Interrupted and short calls",
    points=5,
    see="lab2#interrupted",
    source="signal(7), EINTR; read(2), write(2)",
    seconds=20,
)
def test_interrupted(attempt: Attempt) -> None:
    """Calls move fewer bytes than asked for, fail for a reason that passes, or are interrupted, the
    call that waits among them: no byte is lost, no client is dropped, the server goes on.
    """
    for backend in BACKENDS:
        with on(backend):
            stopped_and_continued(attempt, backend)
            known = FAULTS | MORE_FAULTS if backend == "select" else FAULTS
            for faults, meaning in known.items():
                kind = "emfile" if faults in SHORTAGES else fault_kind(faults)
                with explained(meaning, kind):
                    server = faulty_server(attempt, backend, faults)
                    if faults in SHORTAGES:
                        short_of_a_descriptor(server)
                    else:
                        through(attempt, server, faults)
                    server.program.close()


def stopped_and_continued(attempt: Attempt, backend: str) -> None:
    """SIGCONT ends an epoll_wait with EINTR, although there is no handler: signal(7)."""
    server = loop_server(attempt, backend)
    client = served_client(server)
    for _ in range(3):
        server.program.stop()
        server.program.go_on()
        expect_echo(client, b"still there?")


def faulty_server(attempt: Attempt, backend: str, faults: str) -> Server:
    return loop_server(
        attempt,
        backend,
        build="faults",
        environment={"FAULTS": faults},
        name=f"loop_server on {backend} with {faults}",
    )


def through(attempt: Attempt, server: Server, faults: str) -> None:
    for size in (1, 10, 3000):
        client = server.connect()
        data = attempt.random(faults, size).bytes(size)
        client.send(data)
        client.finish_sending()
        client.expect(data)
        client.expect_end()
        client.close()
