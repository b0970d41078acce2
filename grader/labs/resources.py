"""What a server holds and uses: memory, descriptors, processes, CPU time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from grader.labs.scenes import MIB, expect_echo, served_client
from grader.labs.server import Server
from grader.run import procinfo
from grader.run.client import Client
from grader.run.program import Program
from grader.run.random import Random
from grader.verdicts import Diagnosis, Hang, StageFailure, fail

# What a server may hold for itself beyond what it held before: one reply of 1 MiB at most (the
# protocol's bound on buffered output), the sanitizer's quarantine of 16 MiB, and room for another
# way to allocate.
MEMORY_BOUND = 40 * MIB
_WINDOW_S, _MOST_WAKE_UPS, _MOST_CPU_S = 0.06, 3, 0.02


def memory(server: Server) -> int:
    """What the server's processes hold together, in bytes: what they share counts once."""
    return sum(map(procinfo.proportional_bytes, server.program.processes()))


def expect_bounded_memory(server: Server, before: int, bound: int = MEMORY_BOUND) -> None:
    grown = memory(server) - before
    if grown > bound:
        fail(
            f"the server holds {grown >> 20} MiB more than before",
            Diagnosis(
                "memory-unbounded",
                "it reads on while nobody takes what it writes: stop reading until the output has "
                "gone out",
            ),
        )


def expect_no_connections(server: Server) -> None:
    expect_soon(
        server,
        lambda: not procinfo.connections(server.program.pid, server.port),
        "the sockets of clients that left to be closed",
        "descriptor-leak",
        "sockets stay open after their clients left: is every one closed, also when a read or a "
        "write fails?",
    )


def held_descriptors(server: Server) -> int:
    """How many it has open now. Raises StageFailure where nobody may see them: ptrace(2)."""
    held = len(procinfo.descriptors(server.program.pid))
    if held == 0 and procinfo.state(server.program.pid) not in ("", "Z"):
        fail(
            "the server runs, and its descriptors can't be counted",
            Diagnosis("hidden", "it runs from a file that may not be read, or hides otherwise"),
        )
    return held


def expect_no_more_descriptors(server: Server, before: int) -> None:
    expect_soon(
        server,
        lambda: 0 < len(procinfo.descriptors(server.program.pid)) <= before,
        f"the server to hold no more than {before} descriptors again",
        "descriptor-leak",
        "descriptors are left over after clients left",
    )


def living(server: Server) -> int:
    """How many processes it has, zombies not counted."""
    return sum(1 for pid in server.program.processes() if procinfo.state(pid) != "Z")


def expect_no_zombies(server: Server) -> None:
    expect_soon(
        server,
        lambda: all(procinfo.state(pid) != "Z" for pid in server.program.processes()),
        "ended children to be waited for",
        "zombies",
        "children that ended are still in the process table: nobody waits for them, or not for "
        "each "
        "(one SIGCHLD may stand for many)",
    )


def expect_soon(
    server: Server, ready: Callable[[], bool], waiting_for: str, diagnosis: str, text: str
) -> None:
    try:
        server.world.wait(ready, waiting_for)
    except Hang as hang:
        fail(f"{hang.summary}", Diagnosis(diagnosis, text))


class _Watch:
    """What a program did since now."""

    def __init__(self, program: Program) -> None:
        self.program, self.awake = program, 0
        self._used, self._woken = program.cpu_seconds(), program.wake_ups()

    def look(self) -> None:
        self.awake += self.program.runs()

    def slept(self) -> bool:
        """It was asleep whenever it was looked at, but for once, and woke up rarely."""
        return (
            self.awake <= 1
            and self.program.wake_ups() - self._woken <= _MOST_WAKE_UPS
            and self.program.cpu_seconds() - self._used <= _MOST_CPU_S
        )


def expect_idle(programs: Program | list[Program], when: str, diagnosis: str, text: str) -> None:
    """Idle programs sleep: all of them, for a moment. What they still had to do may delay this, on
    a busy machine for long; one that spins, or looks again and again after short sleeps, never
    comes to it.
    """
    programs = programs if isinstance(programs, list) else [programs]
    world = programs[0].world
    for _ in range(13):
        watches = [_Watch(program) for program in programs]

        def look(watches: list[_Watch] = watches) -> bool:
            for watch in watches:
                watch.look()
            return False

        world.observe(_WINDOW_S, look)
        busy = [watch for watch in watches if not watch.slept()]
        if not busy:
            return
    fail(f"{busy[0].program.name} uses the CPU {when}", Diagnosis(diagnosis, text))


def expect_back_pressure(
    server: Server, random: Random, size: int = 64 * MIB, bound: int = MEMORY_BOUND
) -> None:
    """A client that sends ``size`` bytes and does not read stops itself alone, in bounded memory;
    what it is owed comes when it reads at last.
    """
    other = served_client(server)
    before = memory(server)
    greedy = server.connect(receive_buffer=4096)
    greedy.pause_reading()
    data = random.bytes(size)
    greedy.send(data)
    unchanged, queued = 0, greedy.queued()
    while unchanged < 50 and greedy.queued() > 0:
        expect_echo(other, b"is anybody there?")
        unchanged = unchanged + 1 if greedy.queued() == queued else 0
        queued = greedy.queued()
    expect_bounded_memory(server, before, bound)
    greedy.resume_reading()
    greedy.expect(data)


@contextmanager
def without_descriptors(server: Server) -> Iterator[None]:
    """The limit of each running process is lowered to what it has open, while clients come; those
    that are served go on. Afterwards the limit is raised again, and new clients are served.
    """
    served = [served_client(server) for _ in range(2)]
    before = _time_of_echoes(served[0])
    server.program.limit_descriptors(free=False)
    waiting = [server.connect(wait=False) for _ in range(3)]
    for client in waiting:
        client.send(b"?")
    yield
    during = _time_of_echoes(served[0])
    if during > 2 and during > 30 * before:
        fail(
            f"30 echoes take {during:.1f} s while there is no descriptor, and took {before:.2f} s",
            Diagnosis("sleeps-without-descriptors", "the pause of one stops all the others"),
        )
    server.program.limit_descriptors(free=True)
    patient, *others = waiting
    for client in [*others, *served]:
        client.close()
    expect_soon(  # it was turned away, or is served now
        server,
        lambda: patient.received_size() > 0 or bool(patient.ended),
        f"{patient.name}, which came while there was no descriptor, to be served",
        "gone-after-emfile",
        "it had no free descriptor for a moment, and takes no more clients",
    )
    patient.close()
    expect_no_connections(server)
    try:
        expect_echo(server.connect(), b"some descriptors are free again")
    except StageFailure as failure:
        failure.diagnosis = Diagnosis(
            "gone-after-emfile", "it had no free descriptor for a moment, and takes no more clients"
        )
        raise


def _time_of_echoes(client: Client) -> float:
    began = time.monotonic()
    for _ in range(30):
        expect_echo(client, b"those that are served already go on")
    return time.monotonic() - began


def expect_patience(*servers: Server) -> None:
    """Without a free descriptor, servers neither spin nor end."""
    with ExitStack() as stack:
        for server in servers:
            stack.enter_context(without_descriptors(server))
        expect_idle(
            [server.program for server in servers],
            "without a free descriptor",
            "spins-without-descriptors",
            "accept() fails with EMFILE and is called again at once",
        )
