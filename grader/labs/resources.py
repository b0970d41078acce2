"""What a server holds and uses: memory, descriptors, processes, CPU time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from grader.labs.scenes import MIB, expect_echo, served_client
from grader.labs.server import Server
from grader.run import procinfo
from grader.run.program import Program
from grader.run.random import Random
from grader.verdicts import Diagnosis, Hang, StageFailure, fail

# What a server may hold for itself beyond what it held before: one reply of 1 MiB at most (the
# protocol's bound on buffered output), the sanitizer's quarantine of 16 MiB, and room for another
# way to allocate.
MEMORY_BOUND = 40 * MIB
_MOST_WAKE_UPS = 50  # in a quarter of a second


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


def expect_no_more_descriptors(server: Server, before: int) -> None:
    expect_soon(
        server,
        lambda: len(procinfo.descriptors(server.program.pid)) <= before,
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


def expect_idle(program: Program, when: str, diagnosis: str, text: str) -> None:
    """See all_idle."""
    all_idle([program], when, diagnosis, text)


def all_idle(programs: list[Program], when: str, diagnosis: str, text: str) -> None:
    """Idle programs sleep. One that spins uses all the CPU time that it gets, and wants more: on a
    busy machine it may get little, but it is never asleep. One that looks again and again after
    short sleeps wakes up often.
    """
    awake: dict[Program, list[bool]] = {program: [] for program in programs}
    world = programs[0].world

    def spins(program: Program) -> bool:
        awake[program].append(program.runs())
        return (
            program.cpu_seconds() - used[program] > 0.1
            or program.wake_ups() - woken[program] > _MOST_WAKE_UPS
        )

    def never_sleeps(program: Program) -> bool:
        return len(awake[program]) >= 10 and all(awake[program])

    world.observe(0.05, lambda: False)  # what they still had to do
    used = {program: program.cpu_seconds() for program in programs}
    woken = {program: program.wake_ups() for program in programs}
    world.observe(0.25, lambda: any(spins(program) for program in programs))
    for program in programs:
        if spins(program) or never_sleeps(program):
            fail(f"{program.name} uses the CPU {when}", Diagnosis(diagnosis, text))


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
    server.program.limit_descriptors(free=False)
    waiting = [server.connect(wait=False) for _ in range(3)]
    for client in waiting:
        client.send(b"?")
    yield
    expect_echo(served[0], b"those that are served already go on")
    server.program.limit_descriptors(free=True)
    for client in [*waiting, *served]:
        client.close()
    expect_no_connections(server)
    try:
        expect_echo(server.connect(), b"some descriptors are free again")
    except StageFailure as failure:
        failure.diagnosis = Diagnosis(
            "gone-after-emfile", "it had no free descriptor for a moment, and takes no more clients"
        )
        raise


def expect_patience(*servers: Server) -> None:
    """Without a free descriptor, servers neither spin nor end."""
    with ExitStack() as stack:
        for server in servers:
            stack.enter_context(without_descriptors(server))
        all_idle(
            [server.program for server in servers],
            "without a free descriptor",
            "spins-without-descriptors",
            "accept() fails with EMFILE and is called again at once",
        )
