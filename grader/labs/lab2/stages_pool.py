"""Lab 2, an extension: a server whose work blocks, on a pool of workers."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

from grader.labs.resources import expect_bounded_memory, memory
from grader.labs.scenes import MIB
from grader.labs.server import Server
from grader.labs.stage import Attempt, stage
from grader.labs.usage import expect_usage
from grader.run import procinfo
from grader.run.client import Client
from grader.verdicts import Diagnosis, Hang, StageFailure, fail

LONG = 10_000  # milliseconds: for longer than a stage takes
SHORT = 60  # longer than the next request takes to come; no verdict depends on that
LINE = 1024  # bytes, its end included
MORE_THAN_FITS = 16 * MIB
LARGE = 300_000  # bytes that one send() takes, and one read() does not
REPLY_ORDER = Diagnosis(
    "reply-order",
    "jobs end in any order, and replies go out in the order of the requests: what is done sooner "
    "has to wait",
)


@stage(
    "2.20",
    "A worker pool",
    points=10,
    see="lab2#pool",
    source="pthread_cond_wait(3), eventfd(2)",
    extension=True,
    program="pool_server",
    seconds=30,
)
def test_pool(attempt: Attempt) -> None:
    """Work that blocks is for the workers of a bounded pool, and its results come back through the
    loop's wake-up: each connection gets its replies in the order of its requests, none waits for
    another one's, and what is done for a client that left reaches nobody else. Clean under
    ThreadSanitizer.
    """
    server = pool_server(attempt, "--backend", "select")
    in_order(server)
    owed_at_the_end(server)
    malformed(server)
    server.program.close()
    work_is_for_workers(attempt)
    client_that_left(attempt)
    more_than_fits(attempt)
    ends_when_told(attempt)
    expect_usage(
        attempt,
        "pool_server",
        [],
        ["--port", "x"],
        ["--port", "0", "--workers", "0"],
        ["--port", "0", "--workers", "many"],
        ["--port", "0", "--backend", "nonsense"],
    )


def pool_server(attempt: Attempt, *args: str, **more: Any) -> Server:
    """The student's pool_server, on a port of the kernel's choice."""
    shown = " ".join(["pool_server", *args])
    return Server(attempt, "pool_server", *args, "--port", "0", build="threads", name=shown)


def ask(client: Client, *requests: tuple[int, bytes]) -> bytes:
    """Sends the requests, of milliseconds and text, at once; returns the replies that they get."""
    client.send(b"".join(b"%d %s\n" % request for request in requests))
    return b"".join(text + b"\n" for _, text in requests)


def expect(client: Client, replies: bytes, why: Diagnosis, what: str = "the replies") -> None:
    """``why`` is the likely cause of other bytes, and of none."""
    before = client.received_size()
    try:
        client.expect(replies, what)
    except StageFailure as failure:
        silent = isinstance(failure, Hang) and client.received_size() == before == 0
        if silent and why.id == "reply-order":
            failure.diagnosis = Diagnosis(
                "no-reply",
                "not even the first line is answered: does a worker do the job, and does its end "
                "wake the loop?",
            )
        elif not client.ended or _other_bytes(failure, before):
            failure.diagnosis = why
        raise


def _other_bytes(failure: StageFailure, before: int) -> bool:
    """Whether something else came, and not too little."""
    found = failure.difference
    return found is not None and found.offset - before < found.received_size


def expect_meanwhile(
    client: Client, replies: bytes, why: Diagnosis, what: str, sleeper: Client
) -> None:
    """The replies come before ``sleeper``, who asked for ten seconds of sleep, gets any."""
    expect(client, replies, why, what)
    if sleeper.received_size() > 0:
        fail(f"{what} came only after a job of {LONG} ms had ended", why)


def wait_taken(client: Client) -> None:
    """Waits until the server has read all that the client sent."""
    client.wait_sent()
    client.world.wait(
        lambda: client.unread() == 0, f"the server to read from {client.name}", every=0.005
    )


def in_order(server: Server) -> None:
    """Later requests are done sooner, and wait for their turn."""
    client = server.connect()
    replies = ask(client, (60, b"first"), (0, b"second"), (30, b"third"), (0, b"fourth"))
    client.send(b"0 in pie")
    expect(
        client,
        replies,
        REPLY_ORDER,
    )
    client.send(b"ces\n")
    client.expect(b"in pieces\n", "the reply to a line that came in two pieces")
    text = bytes(set(range(256)) - {10})
    replies = ask(client, (0, text), (0, b" two  spaces "), (0, bytes(LINE - 3)))
    expect(
        client,
        replies,
        Diagnosis("text-changed", "the text is all that stands between the first space and LF"),
    )


def owed_at_the_end(server: Server) -> None:
    """A half-closed client gets all its replies."""
    client = server.connect()
    many = [(0, b"%d" % number) for number in range(500)]
    replies = ask(client, (60, b"first"), (0, b"second"), *many)
    client.finish_sending()
    expect(
        client,
        replies,
        Diagnosis("replies-lost", "the client asked for more, and waits for the rest"),
        "the replies that are owed at the half-close",
    )
    client.expect_end()
    client.close()


def malformed(server: Server) -> None:
    """What is no request gets "error", in its turn, and the connection ends in peace."""
    lines = (
        b"\n", b"hello\n", b"5\n", b"-1 a\n", b"10001 a\n", b"5a b\n", b" 5 a\n", b"+5 a\n",
        b"0x5 a\n", b"99999999999999999999 a\n", b"4294967301 a\n", b"0 " + bytes(2 * LINE),
        b"0 " + bytes(2 * LINE) + b"\n", b"a\n" + bytes(LARGE),
    )  # fmt: skip
    clients = [(server.connect(), line) for line in lines]
    owed = [ask(client, (20, b"before")) if len(line) < LARGE else b"" for client, line in clients]
    for client, line in clients:
        client.send(line + b"0 after\n")
    for (client, line), replies in zip(clients, owed, strict=True):
        expect(
            client,
            replies + b"error\n",
            Diagnosis("malformed-line", f"{line[:24]!r} is no request: 'error', in its turn"),
            f"the reply to {line[:24]!r}",
        )
        client.expect_end()
        client.close()


def work_is_for_workers(attempt: Attempt) -> None:
    """As many jobs run at a time as there are workers, and the loop goes on even then."""
    server = pool_server(attempt, "--workers", "4")
    sleeper, other, last, rude, early = (server.connect() for _ in range(5))
    ask(sleeper, *[(LONG, b"asleep")] * 3)
    wait_taken(sleeper)
    expect_meanwhile(
        other,
        ask(other, (0, b"awake")),
        Diagnosis(
            "work-in-turn",
            "three jobs of one client are asleep, and one of four workers is free: nobody should "
            "wait, neither for the loop's thread nor for a client's other jobs",
        ),
        "the reply of the fourth worker",
        sleeper,
    )
    ask(last, (LONG, b"asleep"))
    wait_taken(last)
    rude.send(b"nonsense\n")
    expect_meanwhile(
        rude,
        b"error\n",
        Diagnosis("loop-waits", "all workers are asleep; the loop's thread should not be"),
        "the loop's own answer",
        sleeper,
    )
    ask(early, (0, b"too early"))
    if attempt.world.observe(0.1, lambda: early.received_size() > 0):
        fail("four workers have jobs that sleep, and a fifth job is done", why_early(server))
    for client in (sleeper, last, other):  # what they are owed can't come any more
        client.reset()
    rude.close()
    rude = server.connect()
    rude.send(b"nonsense\n")
    rude.expect(b"error\n", "the loop's own answer after others have left")
    server.program.close()


def why_early(server: Server) -> Diagnosis:
    """Four long jobs should be at work: are there fewer, or more workers?"""
    threads = procinfo.threads(server.program.pid)
    asleep = sum("nanosleep" in procinfo.doing(thread) for thread in threads)
    if 0 < asleep < 4:
        return Diagnosis(
            "work-in-turn",
            f"of four long jobs, three of them one client's, {asleep} are at work: does a client's "
            "next job wait for its last one?",
        )
    return Diagnosis("too-many-workers", "--workers bounds how many jobs run at a time")


def client_that_left(attempt: Attempt) -> None:
    """What is done for it reaches nobody, least of all the next one with its descriptor. A single
    worker does jobs in their order: when the heirs have their answers, those before them are done.
    """
    server = pool_server(attempt, "--workers", "1")
    leavers = leave(server, Client.close, 20)
    heirs = [server.connect() for _ in leavers]
    inherit(heirs)
    # While the server is stopped, all happens that it then finds: resets first, new clients last.
    witness = server.connect()
    expect(witness, ask(witness, (0, b"here")), REPLY_ORDER)
    leave(server, Client.reset, 80, stopped=True)
    inherit([witness], server)
    leavers = leave(server, Client.reset, 120, stopped=True)
    heirs = [server.connect(wait=False) for _ in leavers]
    inherit(heirs, server)
    server.program.close()


def leave(
    server: Server, how: Callable[[Client], None], milliseconds: int, *, stopped: bool = False
) -> list[Client]:
    """Clients that leave while their jobs are at work, or wait for the worker."""
    leavers = [server.connect() for _ in range(3)]
    for client in leavers:
        ask(client, (milliseconds, b"for one that left"), (0, b"and more"))
        milliseconds = 0
        wait_taken(client)
    if stopped:
        server.program.stop()
    for client in leavers:
        how(client)
    return leavers


def inherit(heirs: list[Client], stopped: Server | None = None) -> None:
    """Each gets its own replies, and no others."""
    owed = [ask(heir, (0, b"mine"), (0, b"mine too")) for heir in heirs]
    if stopped is not None:
        stopped.program.go_on()
    for heir, replies in zip(heirs, owed, strict=True):
        expect(
            heir,
            replies,
            Diagnosis(
                "reply-of-another",
                "a client left while its job was at work, and a new one got its descriptor: the "
                "result finds a connection there, but not the one that asked",
            ),
            "the first replies after others left",
        )
        heir.finish_sending()
        heir.expect_end()
        heir.close()


def more_than_fits(attempt: Attempt) -> None:
    """Whoever asks for more than the server can take is not read from until there is room."""
    server = pool_server(attempt, "--workers", "2")
    all_at_once(server)
    before = memory(server)
    line = b"0 " + bytes(900) + b"\n"
    asleep = b"%d asleep\n" % LONG
    for data, reads in (
        (line, False),  # its replies wait for it,
        (asleep + line, True),  # or all but one for the first,
        (asleep * 2 + line, True),  # or its requests for a worker
    ):
        greedy = server.connect(receive_buffer=None if reads else 4096)
        if not reads:
            greedy.pause_reading()
        greedy.send(data + line * (MORE_THAN_FITS // len(line)))
        come_to_rest(server, greedy, before)
        if data == asleep + line:
            other = server.connect()
            expect_meanwhile(
                other,
                ask(other, (0, b"other")),
                Diagnosis(
                    "one-takes-all",
                    "a client has thousands of requests, and its first one is asleep: another "
                    "client waits for it, though a worker is free",
                ),
                "the reply to another client",
                greedy,
            )
        greedy.reset()
    server.program.close()


def come_to_rest(server: Server, greedy: Client, before: int) -> None:
    """Waits until the server has stopped reading, within its bound."""
    for _ in range(400):
        taken = greedy.held()
        server.world.observe(0.01, lambda: False)
        expect_bounded_memory(server, before)
        if greedy.held() == taken and not server.program.runs():
            break


def all_at_once(server: Server) -> None:
    """More clients ask for more than any pool holds, while all workers are busy."""
    sleepers = [server.connect() for _ in range(2)]
    slept = [ask(client, (SHORT, b"awake")) for client in sleepers]
    clients = [server.connect() for _ in range(8)]
    many = [(0, b"%d" % number) for number in range(500)]
    owed = [ask(client, *many) for client in clients]
    why = Diagnosis(
        "replies-lost",
        "while the pool is full, requests stay where they are, and are taken when there is room: "
        "none is lost, and none overtakes another",
    )
    for client, replies in zip(sleepers + clients, slept + owed, strict=True):
        expect(client, replies, why, "the replies to more requests than the pool holds")


def ends_when_told(attempt: Attempt) -> None:
    """SIGTERM: what runs may end, what waits is dropped, and all threads end in order."""
    for workers, waiting in (("1", 3), ("4", 0)):
        server = pool_server(attempt, "--workers", workers)
        client = server.connect()
        expect(client, ask(client, (0, b"now")), REPLY_ORDER)
        ask(client, (SHORT, b"runs"), *[(LONG, b"waits")] * waiting)
        wait_taken(client)
        server.program.signal(signal.SIGTERM)
        try:
            status = server.program.wait_end()
        except Hang as hang:
            hang.diagnosis = Diagnosis(
                "does-not-end",
                f"{server.program.state()}: SIGTERM ends it, and drops the jobs that wait",
            )
            raise
        if status != 0:
            fail(
                f"SIGTERM should end it with status 0, and {server.program.ending()}",
                Diagnosis("exit-status", "it was told to end, and did: that is a success"),
            )
