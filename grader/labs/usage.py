"""How programs are called: the port that they are given, and wrong options."""

from __future__ import annotations

from grader.labs.server import Server, byte_order
from grader.labs.stage import Attempt
from grader.run.ports import swapped_bytes
from grader.run.program import Program
from grader.verdicts import Diagnosis, Hang, NotAttempted, fail


def expect_port(server: Server, port: int) -> None:
    """The server says the port that it was given."""
    if server.port == swapped_bytes(port):
        fail(
            f"started with --port {port}, it says that it listens on port {server.port}",
            byte_order(port, server.port),
        )
    if server.port != port:
        fail(
            f"started with --port {port}, it says that it listens on port {server.port}",
            Diagnosis("port-ignored", "the line names another port than the one asked for"),
        )


def require_known(attempt: Attempt, program: str, *args: str, otherwise: str) -> None:
    """Raises NotAttempted where the program refuses the arguments as it refuses any wrong ones."""
    known = attempt.start(program, *args, "--port", "0", name=" ".join([program, *args]))
    attempt.world.wait(
        lambda: known.ended() or b"\n" in known.stdout.head, f"{known.name} to listen or to refuse"
    )
    if known.ended() and known.wait_end() == 2:
        raise NotAttempted(otherwise)
    known.close()


def expect_usage(attempt: Attempt, program: str, *calls: list[str]) -> None:
    """Wrong calls, made at the same time: each ends with status 2 and words on stderr."""
    wrong = [
        (attempt.start(program, *args, name=shown), shown)
        for args in calls
        for shown in [" ".join([program, *args])]
    ]
    for started, shown in wrong:
        _expect_usage_line(started, shown)


def _expect_usage_line(wrong: Program, shown: str) -> None:
    status = Diagnosis(
        "usage-status", "a wrong option or value is an error of the caller: a usage line, status 2"
    )
    try:
        code = wrong.wait_end()
    except Hang as hang:
        hang.summary = f"'{shown}' should exit with 2, and goes on"
        hang.diagnosis = status
        raise
    if code == 2 and wrong.stderr.size == 0:
        fail(
            f"'{shown}' prints no usage line on stderr",
            Diagnosis("no-usage-line", "the exit status is right, the words are missing"),
        )
    if code != 2:
        fail(f"'{shown}' should exit with 2, and {wrong.ending()}", status)
