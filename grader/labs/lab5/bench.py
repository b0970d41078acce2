"""Lab 5's benchmark: the simulator as stages use it, the time to a verdict, the core beside
canonical/raft, and pools of threads.
"""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import tempfile
import time
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from rich.table import Table

from grader.bench import Bench, Row, grouped_table, make_row
from grader.errors import MachineError
from grader.labs.fleet import Fleet
from grader.labs.simulator import PROGRAMS
from grader.load import LIBRAFT
from grader.load.sides import OURS, Sides, fresh, in_turn, pairs, pinned, progress
from grader.run.build import ROOT
from grader.sim.run import Run, draw
from grader.sim.server import Config, Host

__all__ = ["rows", "tables"]

SIZES = (3, 5)
ROUGH_MS = 1500  # of a schedule, as in the stages

# Builds, and how many events a second all cores together are to simulate.
BUILDS = {"judge": ("sanitized", 40_000.0), "plain": ("plain", 60_000.0)}
VERDICT_S = 20.0  # for all of `make lab5`, once the programs are built
LIBRAFT_NAME, LIBRAFT_GOAL = "canonical/raft", 1.0
_POOLS = "grader.labs.lab5.bench_pools"

_Speeds = tuple[float, float]  # events and schedules a second


class _Clock:
    """Seconds in which the cores were ours or had nothing to do: what others had of them meanwhile
    is left out. Of a process that ended, its parent knows what it took.
    """

    def __init__(self) -> None:
        self._cores = os.sched_getaffinity(0)
        self._began, self._taken = time.perf_counter(), self._core_s()

    def _core_s(self) -> float:
        """Summed up over the cores."""
        idle = 0
        for line in Path("/proc/stat").read_text().splitlines():
            name, *ticks = line.split()
            if name[:3] == "cpu" and name[3:].isdigit() and int(name[3:]) in self._cores:
                idle += int(ticks[3]) + int(ticks[4])
        times = os.times()
        ours = times.user + times.system + times.children_user + times.children_system
        return ours + idle / os.sysconf("SC_CLK_TCK")

    def seconds(self) -> float:
        """Since it was made."""
        passed = time.perf_counter() - self._began
        return min(passed, (self._core_s() - self._taken) / len(self._cores))


def _simulate(bench: Bench, servers: int, build: str, runs: int) -> _Speeds:
    """With a worker on each core; one run in 20 is made twice, as in the stages."""

    def make(host: Host, number: int) -> Run:
        return draw(host, Config(servers), (1, "bench", number), ROUGH_MS)

    clock = _Clock()
    with fresh(bench.attempt) as attempt:
        Fleet(attempt, runs, make, build).run()
    took, found = clock.seconds(), attempt.simulated
    return found.events / took, found.schedules / took


def _simulator_rows(bench: Bench) -> list[Row]:
    runs, rounds = (60, 1) if bench.quick else (400, 5)
    for build in BUILDS:
        bench.attempt.built(PROGRAMS["5"], build)
    settings = [(servers, build) for servers in SIZES for build in BUILDS]
    measures = {
        f"{servers} servers, {BUILDS[build][0]}": partial(_simulate, bench, servers, build, runs)
        for servers, build in settings
    }
    with progress(bench, rounds * len(measures)) as step:
        found = in_turn(measures, rounds, step)
    return [
        *(_event_row(name, speeds) for name, speeds in found.items()),
        *(_schedule_row(f"{servers} servers", found) for servers in SIZES),
    ]


def _event_row(name: str, speeds: list[_Speeds]) -> Row:
    most = next(goal for words, goal in BUILDS.values() if name.endswith(f", {words}"))
    taken = [(events, most) for events, _ in speeds]
    return make_row(f"events, {name}", "1/s", taken, "the goal", goal=1.0)


def _schedule_row(name: str, found: dict[str, list[_Speeds]]) -> Row:
    mine, other = (
        [schedules for _, schedules in found[f"{name}, {words}"]] for words, _ in BUILDS.values()
    )
    taken = pairs(mine, other)
    (words, _), (peer, _) = BUILDS.values()
    return make_row(f"schedules, {name}, {words}", "1/s", taken, peer)


def _election_rows(bench: Bench, sides: Sides) -> list[Row]:
    """The core in a small simulator in C, beside canonical/raft in the one of its own tests."""
    seconds, rounds = (0.05, 1) if bench.quick else (0.3, 7)
    found: list[Row] = []
    names = (OURS, *sides.peers)
    with pinned(), progress(bench, rounds * len(SIZES) * len(names)) as step:
        for servers in SIZES:
            measures = {name: partial(sides.run, name, servers, seconds) for name in names}
            taken = in_turn(measures, rounds, step)
            speeds = {side: [speed for (speed,) in rounds] for side, rounds in taken.items()}
            found += [
                make_row(
                    f"elections, {servers} servers",
                    "1/s of CPU time",
                    pairs(speeds[OURS], speeds[peer]),
                    peer,
                    goal=LIBRAFT_GOAL,
                )
                for peer in sides.peers
            ]
    return found


def _verdict_row(bench: Bench) -> Row:
    """From the command to its end, the second time: a first one has built the programs."""
    with tempfile.TemporaryDirectory(prefix="echo-to-raft-") as folder:
        _grade(bench, folder)
        took = _grade(bench, folder)
    taken = [(took, VERDICT_S)]
    return make_row("make lab5", "s", taken, "the goal", goal=1.0, less_is_better=True)


def _grade(bench: Bench, out: str) -> float:
    """How many seconds that takes."""
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-I", str(ROOT / "grader" / "__main__.py"), "lab", "5"],
        env={**os.environ, "OUT": out, "WORK": str(bench.attempt.builder.work), "ARGS": ""},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
    )
    took = time.perf_counter() - began
    if done.returncode not in (0, 1) or not (Path(out) / "lab5.json").exists():
        raise MachineError(f"make lab5 ended with {done.returncode}: {done.stderr[-300:]}")
    if done.returncode == 1:
        bench.say("make lab5 ended at a stage that failed: all of it takes longer")
    return took


def rows(bench: Bench) -> list[Row]:
    """Measures all of it; a quick run leaves out the time to the verdict."""
    files = ("election_bench.c", "election_ours.c", "no_replication.c")
    sides = Sides(bench, "election_bench", files, {LIBRAFT_NAME: LIBRAFT})
    found = [*_simulator_rows(bench), *_election_rows(bench, sides)]
    if not bench.quick:
        found.append(_verdict_row(bench))
    if find_spec(_POOLS) is not None:
        found += importlib.import_module(_POOLS).rows(bench)
    return found


def tables(rows: list[Row]) -> list[Table]:
    """One of the simulator, one of the core, and one of the rest."""
    titles = {"events": "the simulator", "schedules": "the simulator", "make lab5": "the simulator"}
    titles["elections"] = "the core"
    parts: dict[str, list[Row]] = {}
    for row in rows:
        title = titles.get(row.name.partition(",")[0], "worker pools")
        parts.setdefault(f"Lab 5: {title}", []).append(row)
    return [grouped_table(title, part) for title, part in parts.items()]
