"""Lab 2's benchmark: the echo server on epoll beside the same on select, and beside servers on
libevent, on libuv, and on epoll alone.

Server and generator share one core, where figures are steady and a ratio tells what the program
itself costs; then each has its own, where they are noisy. All sides take turns in each round.
"""

from __future__ import annotations

import os
import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any, NoReturn

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from grader import load
from grader.bench import Bench, Row
from grader.errors import MachineError
from grader.labs.lab2 import plots
from grader.labs.lab2.bench_rows import (
    BARE,
    LIBEVENT,
    LIBUV,
    ONE,
    OURS,
    SELECT,
    TUNED,
    TWO,
    Measured,
    Rounds,
    Setting,
    others,
    rows_of,
    spread,
    tables,
)
from grader.labs.server import Server
from grader.labs.stage import Attempt
from grader.load import Figures, Load, LoadFailed
from grader.run import procinfo
from grader.run.sandbox import Limits
from grader.run.world import World
from grader.verdicts import fail

__all__ = ["rows", "tables"]

SIZE = 64  # bytes of a request
CONNECTIONS, DEPTHS = (1, 50, 1000, 10_000), (1, 16)

# What select can watch, of FD_SETSIZE, beside the descriptors that the server itself needs.
MOST_OF_SELECT = 1000
ACTIVE = (1, 100)
IDLE = (0, 100, 300, 900, 3000, 10_000)

GOAL_CONNECTIONS = 50
DISTURBED = 0.03  # the share of the core that others may have of a run

_PEERS = {LIBEVENT: load.LIBEVENT, LIBUV: load.LIBUV, BARE: load.BARE}

# glibc gives the end of its heap back to the kernel whenever 128 KiB of it are free: mallopt(3).
_KEEP_MEMORY = {"MALLOC_TRIM_THRESHOLD_": "1000000000", "MALLOC_TOP_PAD_": "16777216"}


def blame(name: str, words: str) -> NoReturn:
    """Ends the benchmark: a server did wrong."""
    if name in (OURS, SELECT):
        fail(f"loop_server --backend {name}, {words}")
    raise MachineError(f"{name}, {words}")


class Machine:
    """The servers, the generator, and the processors that they run on."""

    def __init__(self, bench: Bench, stack: ExitStack) -> None:
        self.bench, self.stack = bench, stack
        builder, folder = bench.attempt.builder, bench.attempt.sandbox.folder
        program = load.compiled(load.LOAD, builder.cache, builder.compiler)
        assert program is not None
        self.program = program
        self.sources: dict[str, load.Source] = {}
        for name, source in _PEERS.items():
            built = load.compiled(source, builder.cache, builder.compiler)
            if built is None:
                bench.say(f"no rows for {name}: the Debian package {source.package} is missing")
                continue
            load.install(source, built, folder)
            self.sources[name] = source
        cpus = sorted(os.sched_getaffinity(0))
        self.server_cpu, self.other_cpu = cpus[-1], cpus[0]
        self.two_cores = len(cpus) > 1
        self.most = self._raise_descriptors()

    def _raise_descriptors(self) -> int:
        """The connections that a process may have here."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        self.files = min(hard, 20_000) if hard != resource.RLIM_INFINITY else 20_000
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, self.files), hard))
        most = self.files - 200
        if most < max(IDLE) + max(ACTIVE):
            self.bench.say(
                f"a process may have {hard:,} descriptors here (ulimit -Hn): at most {most:,} "
                "connections are measured"
            )
        return most

    @contextmanager
    def fresh(self) -> Iterator[Attempt]:
        """A world for servers that end with it."""
        attempt = replace(self.bench.attempt, world=World(None), programs=[], clients=[])
        try:
            yield attempt
        finally:
            attempt.close()

    def start(self, attempt: Attempt, name: str) -> Server:
        """A new server, pinned to its processor."""
        environment = _KEEP_MEMORY if name == TUNED else None
        more: dict[str, Any] = {"limits": Limits(files=self.files), "environment": environment}
        if name in (OURS, SELECT):
            words = ("--backend", name, "--port", "0")
            server = Server(attempt, "loop_server", *words, build="plain", **more)
        else:
            source = self.sources[LIBUV if name == TUNED else name]
            server = Server(attempt, source.name, build="peer", **more)
        os.sched_setaffinity(server.program.pid, {self.server_cpu})
        return server

    def sides(self, setting: Setting) -> list[str]:
        """Those that can serve so many, ours first."""
        few = setting.connections + setting.idle <= MOST_OF_SELECT
        return [OURS, *([SELECT] if few else []), *self.sources]

    def measure(self, name: str, server: Server, setting: Setting, seconds: float) -> Figures:
        """One run of one side."""
        try:
            figures = Load(self.program, server.world).run(
                server.port,
                self.server_cpu if setting.cores == ONE else self.other_cpu,
                connections=setting.connections,
                depth=setting.depth,
                idle=setting.idle,
                size=SIZE,
                seconds=seconds,
                warmup=seconds / 5,
                pid=server.program.pid,
            )
            return figures.on_one_core() if setting.cores == ONE else figures
        except LoadFailed as failure:
            blame(name, f"{setting}: {failure}")


@dataclass(frozen=True)
class Plan:
    """How often, and for how long."""

    quick: bool
    seconds: float
    rounds: int
    goal_rounds: int

    def rounds_of(self, setting: Setting) -> int:
        return min(self.rounds, 3) if setting.connections + setting.idle > 5000 else self.rounds


LONG = Plan(False, 0.25, 5, 11)
QUICK = Plan(True, 0.05, 1, 3)


class Runner:
    """Goes through the plan, and shows where it is."""

    def __init__(self, machine: Machine, plan: Plan, progress: Progress) -> None:
        self.machine, self.plan, self.progress = machine, plan, progress
        self.task = progress.add_task("", total=None)
        self.found = Measured()

    def rounds(self, setting: Setting, sides: list[str], count: int) -> Rounds:
        """All sides in turn, so that a machine that changes its speed changes all. The servers are
        new: what a heap went through before would show.
        """
        rounds: Rounds = []
        with self.machine.fresh() as attempt:
            servers = {name: self.machine.start(attempt, name) for name in sides}
            for _ in range(count):
                figures = {}
                for name, server in servers.items():
                    self.progress.update(self.task, description=f"{setting}: {name}")
                    figures[name] = self.machine.measure(name, server, setting, self.plan.seconds)
                rounds.append(figures)
                self.progress.advance(self.task)
        return rounds

    def settings(self) -> Iterator[Setting]:
        counts = CONNECTIONS[1:2] if self.plan.quick else CONNECTIONS
        for cores in (ONE, TWO) if self.machine.two_cores else (ONE,):
            for depth in DEPTHS:
                for count in counts:
                    yield Setting(cores, min(count, self.machine.most), depth)

    def idle_settings(self) -> Iterator[Setting]:
        for active in ACTIVE:
            for idle in (0, 300) if self.plan.quick else IDLE:
                yield Setting(ONE, active, 1, min(idle, self.machine.most - active))

    def run(self) -> Measured:
        settings = list(dict.fromkeys(self.settings()))
        idle = list(dict.fromkeys(self.idle_settings()))
        total = sum(map(self.plan.rounds_of, [*settings, *idle])) + self.plan.goal_rounds
        self.progress.update(self.task, total=total)
        self.goal()
        for setting in settings:
            sides = self.machine.sides(setting)
            count = self.plan.rounds_of(setting)
            self.found.echoes[setting] = self.rounds(setting, sides, count)
        for setting in idle:
            sides = [name for name in self.machine.sides(setting) if name in (OURS, SELECT)]
            count = self.plan.rounds_of(setting)
            self.found.idle[setting] = self.rounds(setting, sides, count)
        self.memory()
        return self.found

    def goal(self) -> None:
        """More rounds where the goals are, and of these the ones that others disturbed least: up to
        three times as many, until enough had the core for themselves.
        """
        setting = Setting(ONE, GOAL_CONNECTIONS, 1)
        sides = self.machine.sides(setting)
        if LIBUV in sides:
            sides.append(TUNED)
        count = self.plan.goal_rounds
        rounds: Rounds = []
        for _ in range(3):
            rounds += self.rounds(setting, sides, count)
            rounds.sort(key=lambda sides: max(figures.lost for figures in sides.values()))
            if max(figures.lost for figures in rounds[count - 1].values()) < DISTURBED:
                break
        self.found.goal = setting, rounds[:count]

    def memory(self) -> None:
        """Of new servers, which no earlier load has made larger."""
        count = 100 if self.plan.quick else min(max(IDLE), self.machine.most)
        for name in (OURS, *(peer for peer in self.machine.sources if peer != BARE)):
            self.progress.update(self.task, description=f"{count:,} idle connections: {name}")
            with self.machine.fresh() as attempt:
                server = self.machine.start(attempt, name)
                try:
                    self.found.memory[name] = bytes_a_connection(server, count)
                except OSError as error:
                    blame(name, f"{count:,} idle connections: {error}")


def bytes_a_connection(server: Server, count: int) -> float:
    """What the server holds for each of ``count`` connections that had one echo and are idle. The
    kernel's own memory is not in it. Raises OSError.
    """
    with ExitStack() as stack:
        stack.enter_context(_connection(server.port))  # what the first one brings along
        before = procinfo.proportional_bytes(server.program.pid)
        for _ in range(count):
            stack.enter_context(_connection(server.port))
        return (procinfo.proportional_bytes(server.program.pid) - before) / count


@contextmanager
def _connection(port: int) -> Iterator[None]:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(bytes(SIZE))
        if len(connection.recv(SIZE, socket.MSG_WAITALL)) < SIZE:
            raise ConnectionError("the server closed one")
        yield


def rows(bench: Bench) -> list[Row]:
    """Measures all of it, draws the plots, and returns the rows."""
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with ExitStack() as stack:
        machine = Machine(bench, stack)
        with Progress(*columns, console=bench.console, transient=True) as progress:
            found = Runner(machine, QUICK if bench.quick else LONG, progress).run()
    if not machine.two_cores:
        bench.say("there is one processor here: nothing was measured on two")
    for cores in dict.fromkeys(setting.cores for setting in found.echoes):
        bench.say(f"{cores}: a round's ratio is {spread(found, cores):.1f} % off its median")
    bench.say(f"{ONE}: others had {others(found):.1f} % of its time, which is left out")
    if others(found) > 100 * DISTURBED:
        bench.say("(that still splits batches and fills caches: goals need a quiet machine)")
    for path in plots.draw(found.echoes, found.idle, bench.out, handout=bench.handout):
        bench.say(str(path))
    if not plots.available():
        bench.say("no plots: matplotlib is not installed")
    return rows_of(found)
