"""Lab 2, extensions: the echo client on select, and connecting with a timeout."""

from __future__ import annotations

import os
import socket

from grader.labs import resources
from grader.labs.conversations import (
    connected,
    converse,
    from_a_pipe,
    server_leaves,
    through_faults,
)
from grader.labs.endpoint import Listener, loopback_hosts
from grader.labs.resources import MEMORY_BOUND
from grader.labs.scenes import MIB
from grader.labs.silent import Silent, twins
from grader.labs.stage import Attempt, stage
from grader.labs.terminal import Terminal
from grader.labs.usage import expect_usage
from grader.run import procinfo
from grader.run.client import Client
from grader.run.program import Program
from grader.verdicts import Diagnosis, Hang, StageFailure, fail

CLIENT = "select_client"
SELECT = ("asleep in select()", "asleep in pselect6()")
MORE_THAN_FITS = 64 * MIB


@stage(
    "2.21",
    "The echo client on select",
    points=10,
    see="lab2#select-client",
    source="select(2), pipe(7); open(2), O_NONBLOCK",
    extension=True,
    program=CLIENT,
    seconds=20,
)
def test_select_client(attempt: Attempt) -> None:
    """select_client copies its input to the server and what comes back to its output, both at once,
    in one thread that sleeps in select() when there is nothing to do. What nobody takes is not
    read. Standard input and output stay as they were: they are shared.
    """
    listener = Listener(attempt)
    converse(attempt, CLIENT, listener)
    through_faults(attempt, CLIENT, listener)
    from_a_pipe(attempt, CLIENT, listener)
    server_leaves(attempt, CLIENT, listener)
    one_thread_that_sleeps(attempt, listener)
    nobody_takes_the_input(attempt)
    nobody_takes_the_output(attempt, listener)
    wrong: list[list[str]] = [[], ["127.0.0.1"], ["127.0.0.1", "7", "8"]]
    wrong.append(["--nonsense", "127.0.0.1", "7"])
    expect_usage(attempt, CLIENT, *wrong)


def one_thread_that_sleeps(attempt: Attempt, listener: Listener) -> None:
    """Where nothing happens: before the input has ended, and after."""
    terminal, server = connected(attempt, CLIENT, listener)
    terminal.keyboard.send(b"hello")
    server.expect(b"hello", "the client's input")
    expect_idle(terminal.program, "while nothing happens")
    expect_select(attempt, terminal.program)
    terminal.keyboard.finish_sending()
    server.expect_end()
    expect_idle(terminal.program, "after the end of its input, while the server is silent")
    server.send(b"good night")
    terminal.keyboard.expect(b"good night", "what came after the half-close")
    server.finish_sending()
    terminal.expect_status(0, "all was sent, and the server closed")


def nobody_takes_the_input(attempt: Attempt) -> None:
    """The server does not read, so the client stops reading its input; but it goes on printing."""
    listener = Listener(attempt)
    listener.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # soon full
    terminal, server = connected(attempt, CLIENT, listener)
    keyboard = terminal.keyboard
    server.pause_reading()
    before = procinfo.proportional_bytes(terminal.program.pid)
    keyboard.send(bytes(MORE_THAN_FITS))
    come_to_rest(attempt, keyboard)
    expect_bounded(terminal.program, before, "the server does not take")
    expect_idle(terminal.program, "while the server takes nothing")
    server.send(b"still there?")
    keyboard.expect(b"still there?", "what the server sends while it takes nothing")
    server.reset()
    terminal.expect_status(1, "the server reset the connection", words=True)


def nobody_takes_the_output(attempt: Attempt, listener: Listener) -> None:
    """Standard output is a pipe that is full, so the client stops receiving; but it goes on
    sending.
    """
    reading, writing = os.pipe()
    program = attempt.start(CLIENT, "127.0.0.1", str(listener.port), stdin=reading)
    server = listener.accept()
    before = procinfo.proportional_bytes(program.pid)
    program.pause_output(4096)
    server.send(bytes(MORE_THAN_FITS))
    come_to_rest(attempt, server)
    expect_bounded(program, before, "nobody takes from its output")
    expect_idle(program, "while nobody takes its output")
    os.write(writing, b"is anybody there?")
    try:
        server.expect(b"is anybody there?", "the client's input, while its output stands still,")
    except Hang as hang:
        hang.diagnosis = Diagnosis(
            "output-blocks",
            f"{program.state()}: a pipe that can be written takes 4096 bytes at once (PIPE_BUF), "
            "and a write of more waits until somebody reads",
        )
        raise
    program.read_output()
    server.reset()
    try:
        status = program.wait_end()
    finally:
        shared = os.get_blocking(reading)
        os.close(reading)
        os.close(writing)
    if status != 1:
        fail(
            f"the server reset the connection: exit status 1 is expected, and {program.name} "
            f"{program.ending()}",
            Diagnosis("exit-status", "the exit status is all that a script sees of a client"),
        )
    if not shared:
        fail(
            "after its end, standard input is non-blocking for all who share it",
            Diagnosis(
                "left-nonblocking",
                "O_NONBLOCK belongs to the open file description, which a shell and its programs "
                "share",
            ),
        )


def come_to_rest(attempt: Attempt, sender: Client) -> None:
    """Waits until the kernel takes no more of what ``sender`` sends; at most five seconds, for a
    program that takes it all. No pass depends on it.
    """
    last = -1

    def rests() -> bool:
        nonlocal last
        before, last = last, sender.queued()
        return last == before or last == 0

    for _ in range(500):
        attempt.world.observe(0.01, lambda: sender.queued() == 0)
        if rests():
            return


def expect_bounded(program: Program, before: int, what: str) -> None:
    grown = procinfo.proportional_bytes(program.pid) - before
    if grown > MEMORY_BOUND:
        fail(
            f"{program.name} holds {grown >> 20} MiB more than before: what {what}",
            Diagnosis(
                "memory-unbounded",
                "it reads on though what it read can't go out: while a buffer is full, its "
                "descriptor does not belong into the set",
            ),
        )


def expect_idle(program: Program, when: str) -> None:
    resources.expect_idle(
        program,
        when,
        "busy-when-idle",
        "select() returns at once, again and again: a descriptor is in a set, is ready, and "
        "nothing is done about it",
    )


def is_asleep(doing: str) -> bool:
    return doing.startswith("asleep")


def expect_select(attempt: Attempt, program: Program) -> None:
    """It has one thread, which sleeps in select(). (Where the kernel does not tell, that is
    believed.)
    """
    seen: list[str] = []

    def settled() -> bool:
        seen.append(procinfo.doing(program.pid))
        return seen[-1] in SELECT or sum(map(is_asleep, seen)) >= 10

    attempt.world.wait(settled, f"{program.name} to sleep", every=0.02)
    elsewhere = {doing for doing in seen if doing.startswith("asleep in ")}
    if seen[-1] not in SELECT and elsewhere:
        fail(
            f"{program.name} is {' or '.join(elsewhere)} while nothing happens",
            Diagnosis("not-in-select", "one call should wait for all that may happen: select()"),
        )
    threads, processes = len(procinfo.threads(program.pid)), len(program.processes())
    if threads > 1 or processes > 1:
        fail(
            f"{program.name} has {threads} threads in {processes} processes",
            Diagnosis("more-threads", "select() waits for all descriptors in one thread"),
        )


@stage(
    "2.22",
    "Connect with a timeout",
    points=10,
    see="lab2#connect-timeout",
    source="connect(2), EINPROGRESS; select(2); socket(7), SO_ERROR",
    extension=True,
    program=CLIENT,
    seconds=20,
)
def test_connect_timeout(attempt: Attempt) -> None:
    """select_client tries each address of a name until one answers, and gives each --timeout
    milliseconds. An attempt that is given up is closed. Where no address answers, it says so and
    exits with 1: at once where that is known at once.
    """
    in_progress(attempt)
    times_out(attempt)
    refused(attempt)
    of_two_addresses(attempt)
    wrong = [["127.0.0.1", "7", "--timeout"]]
    for value in ("", "0", "-1", "x", "5s", "1e3", "99999999999999999999"):
        wrong.append(["--timeout", value, "127.0.0.1", "7"])
    expect_usage(attempt, CLIENT, *wrong)


def in_progress(attempt: Attempt) -> None:
    """No answer yet is no failure."""
    slow = Silent(attempt)
    patient = Terminal(attempt, CLIENT, "--timeout", "60000", "127.0.0.1", str(slow.port))
    slow.wait_for_attempt(patient.program)
    if patient.program.ended():
        fail(
            f"{CLIENT} {patient.program.ending()} at once, where no answer came yet",
            Diagnosis("in-progress", "EINPROGRESS is no failure: the attempt goes on"),
        )
    patient.program.close()


def times_out(attempt: Attempt) -> None:
    """Nobody answers: neither before the time is over, nor minutes after it."""
    silent = Silent(attempt)
    began = attempt.world.elapsed()
    waits = Terminal(attempt, CLIENT, "--timeout", "200", "127.0.0.1", str(silent.port))
    try:
        waits.expect_status(1, "no answer came within 200 ms", words=True)
    except Hang as hang:
        hang.diagnosis = Diagnosis(
            "no-timeout",
            f"{waits.program.state()}: nobody answers, and it waits for longer than --timeout says",
        )
        raise
    if attempt.world.elapsed() - began < 0.2:
        fail(
            f"--timeout 200 ended after {1000 * (attempt.world.elapsed() - began):.0f} ms",
            Diagnosis("timeout-early", "tv_sec counts seconds, and tv_usec microseconds"),
        )


def refused(attempt: Attempt) -> None:
    """Nobody listens, and the kernel says so at once."""
    listener = Listener(attempt)
    listener.close()
    nobody = Terminal(attempt, CLIENT, "--timeout", "3600000", "127.0.0.1", str(listener.port))
    nobody.expect_status(1, "nobody listens on that port", words=True)
    unknown = Terminal(attempt, CLIENT, "no." + "x" * 70, "7")
    unknown.expect_status(1, "the name can't be resolved", words=True)


def of_two_addresses(attempt: Attempt) -> None:
    """A name has an address that answers, and one that refuses or is silent, in either order."""
    both = loopback_hosts(attempt.sandbox.in_namespaces)
    families = [family for family, hosts in both if "localhost" in hosts]
    for family in families:
        reach(attempt, Listener(attempt, family), "3600000")
    if len(families) == 2:
        for silent, answers in (families, reversed(families)):
            first, second = twins(attempt, silent, answers)
            reach(attempt, second, "200", first)


def reach(attempt: Attempt, listener: Listener, timeout: str, silent: Silent | None = None) -> None:
    """Connects to localhost, where ``listener`` answers; ``silent`` has its other address."""
    terminal = Terminal(attempt, CLIENT, "--timeout", timeout, "localhost", str(listener.port))
    try:
        server = listener.accept()
    except StageFailure as failure:
        failure.diagnosis = Diagnosis(
            "one-address-only",
            f"localhost has an address that answers, {listener.socket.getsockname()[0]}, and it is "
            "not tried: an address that refuses, or does not answer in time, is not the last one",
        )
        raise
    exchange(terminal, server, silent)


def exchange(terminal: Terminal, server: Client, silent: Silent | None = None) -> None:
    """They are connected, and part in peace."""
    terminal.keyboard.send(b"hello")
    try:
        server.expect(b"hello", "the client's input")
    except Hang as hang:
        hang.diagnosis = Diagnosis(
            "connected-unnoticed",
            f"{terminal.program.state()}: it is connected, and does not go on. A socket can be "
            "written when it is connected; it can be read when something has come",
        )
        raise
    if silent is not None and silent.attempts() > 0:
        fail(
            "the attempt that got no answer goes on, though another address has answered",
            Diagnosis("attempt-left-open", "what is given up is closed"),
        )
    server.send(b"hello yourself")
    terminal.keyboard.expect(b"hello yourself", "the server's bytes")
    terminal.keyboard.finish_sending()
    server.expect_end()
    server.finish_sending()
    terminal.expect_status(0, "all was sent, and the server closed")
