"""The server of lab 3 beside redis-server, under redis-benchmark: servers on one processor,
redis-benchmark on another where there are two.
"""

from __future__ import annotations

import csv
import io
import os
import resource
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

from grader.bench import Bench, Row, make_row
from grader.errors import MachineError
from grader.labs.server import Server
from grader.load import LoadFailed, output_of
from grader.load.sides import OURS, fresh, in_turn, pairs, progress
from grader.run.orphans import die_with_parent
from grader.run.ports import free_port
from grader.run.world import World
from grader.verdicts import fail

PEER = "redis-server"
PACKAGE = "redis-tools"
CLIENTS = 50
GOALS = {1: 1.0, 16: 1.3}  # by depth
TESTS = ("SET", "GET")

# Commands that a client of a test sends in one run, by depth.
_COMMANDS = {1: 100_000, 16: 600_000}
_QUICK = 20  # times fewer

_CHECK = (
    (b"SET bench:key bench:value\r\n", b"+OK\r\n"),
    (b"GET bench:key\r\n", b"$11\r\nbench:value\r\n"),
)


@dataclass(frozen=True)
class Figures:
    """Of one run: commands a second, by test; what the server's thread took for each; and the
    share of its processor that redis-benchmark had.
    """

    per_s: dict[str, float]
    cpu_us: float
    busy: float


def _found(*names: str) -> str | None:
    return next(filter(None, map(shutil.which, names)), None)


def redis_server() -> tuple[str, str] | None:
    """The name to start redis-server under, and its file. Debian has the server's program in
    redis-tools too, as redis-check-rdb; it looks at its name to know what it shall be.
    """
    for name in (PEER, "valkey-server"):
        for file in (name, name.replace("server", "check-rdb")):
            path = _found(file)
            if path is not None:
                return name, path
    return None


def redis_benchmark() -> str | None:
    return _found("redis-benchmark", "valkey-benchmark")


@contextmanager
def redis(name: str, file: str) -> Iterator[tuple[int, int]]:
    """A server that keeps nothing on disk: its pid and port."""
    port = free_port()
    options = {"port": str(port), "bind": "127.0.0.1", "save": "", "appendonly": "no"}
    words = [word for option, value in options.items() for word in (f"--{option}", value)]
    with subprocess.Popen(
        [name, *words],
        executable=file,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        preexec_fn=die_with_parent,
        cwd="/",
    ) as process:
        assert process.stdout is not None
        try:
            said = []
            for line in process.stdout:
                said.append(line.decode(errors="replace"))
                if b"Ready to accept connections" in line:
                    break
            else:
                raise MachineError(f"{name} ended at its start: {''.join(said)[-300:]}")
            yield process.pid, port
        finally:
            process.kill()


def _request(words: bytes) -> bytes:
    """As an array of words."""
    parts = words.split()
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in parts)


def check(port: int) -> str:
    """What a server does wrong, if it does: it is asked for a key that it was just given."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
            for words, expected in _CHECK:
                client.sendall(_request(words))
                came = client.recv(len(expected), socket.MSG_WAITALL)
                if came != expected:
                    return f"{words!r} was answered by {came!r}"
    except OSError as error:
        return str(error)
    return ""


def _cpu_s(pid: int) -> float:
    """What its first thread had of a processor: proc(5), schedstat."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def _children_s() -> float:
    """CPU time of all programs that were waited for: getrusage(2)."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def commands_per_s(said: bytes, tests: Sequence[str]) -> dict[str, float]:
    """By test, from what redis-benchmark --csv says. Raises LoadFailed."""
    lines = csv.reader(io.StringIO(said.decode(errors="replace")))
    per_s = {line[0]: float(line[1]) for line in lines if line[:1] and line[0] in tests}
    if set(per_s) != set(tests):
        raise LoadFailed(f"redis-benchmark said only {said[-200:]!r}")
    return per_s


@dataclass(frozen=True)
class Machine:
    """redis-benchmark, and where all run."""

    benchmark: str
    world: World
    cpu: int
    quick: bool

    def measure(self, pid: int, port: int, depth: int) -> Figures:
        """One run of all tests. Raises LoadFailed."""
        commands = _COMMANDS[depth] // (_QUICK if self.quick else 1)
        options = {"-p": port, "-c": CLIENTS, "-P": depth, "-n": commands}
        words = [str(word) for option in options.items() for word in option]
        before, began, used = _cpu_s(pid), time.monotonic(), _children_s()
        tests = ",".join(TESTS).lower()
        said = output_of([self.benchmark, *words, "-t", tests, "--csv"], self.world, self.cpu)
        took = _cpu_s(pid) - before
        busy = (_children_s() - used) / (time.monotonic() - began)
        per_s = commands_per_s(said, TESTS)
        return Figures(per_s, took / (commands * len(TESTS)) * 1e6, busy)


def rows(bench: Bench) -> list[Row]:
    """All rows; none, and a line that says so, where a tool is missing."""
    peer, benchmark = redis_server(), redis_benchmark()
    if peer is None or benchmark is None:
        missing = PEER if benchmark else "redis-benchmark"
        bench.say(f"no rows of the server: {missing} is missing, of the Debian package {PACKAGE}")
        return []
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) == 1:
        bench.say("there is one processor here: servers and redis-benchmark share it")
    rounds = 1 if bench.quick else 7
    with ExitStack() as stack:
        attempt = stack.enter_context(fresh(bench.attempt))
        machine = Machine(benchmark, attempt.world, cpus[0], bench.quick)
        server = Server(attempt, "kv_server", "--resp2", "--port", "0", build="plain")
        sides = {
            OURS: (server.program.pid, server.port),
            PEER: stack.enter_context(redis(*peer)),
        }
        for name, (pid, port) in sides.items():
            os.sched_setaffinity(pid, {cpus[-1]})
            if wrong := check(port):
                blame(name, wrong)
        step = stack.enter_context(progress(bench, rounds * len(GOALS) * len(sides)))
        found = {depth: of_depth(machine, sides, rounds, depth, step) for depth in GOALS}
    for depth, figures in found.items():
        busy = median(one.busy for one in figures[OURS])
        bench.say(
            f"depth {depth}: redis-benchmark had {busy:.0%} of its processor. Near 100 % it holds "
            "both servers back, and their own CPU time tells more."
        )
    return [row for depth, figures in found.items() for row in rows_of(figures, depth)]


def blame(name: str, words: str) -> None:
    """Ends the benchmark: a server did wrong."""
    if name == OURS:
        fail(f"kv_server --resp2: {words}")
    raise MachineError(f"{name}: {words}")


def of_depth(
    machine: Machine,
    sides: dict[str, tuple[int, int]],
    rounds: int,
    depth: int,
    step: Callable[[str], None],
) -> dict[str, list[Figures]]:
    """All runs, by side."""

    def measure(name: str) -> Figures:
        try:
            return machine.measure(*sides[name], depth)
        except LoadFailed as failure:
            blame(name, str(failure))
            raise

    return in_turn({name: partial(measure, name) for name in sides}, rounds, step)


def rows_of(found: dict[str, list[Figures]], depth: int) -> Iterator[Row]:
    """Commands a second, and the CPU time of the servers."""
    for test in TESTS:
        speeds = [[figures.per_s[test] for figures in found[name]] for name in (OURS, PEER)]
        yield make_row(f"{test}, depth {depth}", "1/s", pairs(*speeds), PEER, goal=GOALS[depth])
    costs = [[figures.cpu_us for figures in found[name]] for name in (OURS, PEER)]
    yield make_row(f"server's CPU, depth {depth}", "us", pairs(*costs), PEER, less_is_better=True)
