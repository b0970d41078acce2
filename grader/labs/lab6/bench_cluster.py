"""Rows of ``make bench LAB=6`` about whole clusters: kvraft beside etcd, three nodes each, under
the same load; and kvraft under redis-benchmark.

Nodes and load share all processors, in both clusters alike.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from grader import load
from grader.bench import Bench, Row, make_row
from grader.labs.lab3.bench_server import PACKAGE, commands_per_s, redis_benchmark
from grader.labs.lab6.bench_stores import (
    ETCD,
    ETCD_PACKAGE,
    KVRAFT,
    Store,
    etcd,
    etcd_program,
    kvraft,
)
from grader.load import LoadFailed, output_of
from grader.load.sides import fresh, in_turn, pairs, progress
from grader.run.world import World

CLIENTS = (1, 16, 256)  # each with one request at a time
MOST_RATE, LEAST_P50 = 5.0, 2.0  # goals: SETs a second of most clients, the p50 of one
REDIS = ("-c", "50", "-t", "set", "--csv")
REDIS_DEPTHS = {16: 600_000, 1: 50_000}  # commands that are on their way, and all
REDIS_GOAL = 300_000.0
_NO_FLUSH = {KVRAFT: "--no-fsync", ETCD: "--unsafe-no-fsync"}


@dataclass(frozen=True)
class Figures:
    """Of one run of set_load: its own CPU time, and that of all three nodes, in ``seconds``."""

    per_s: float
    p50_us: float
    p99_us: float
    requests: int
    seconds: float
    cpu_s: float
    servers_cpu_s: float

    @property
    def cpu_us(self) -> float:
        """What a SET costs the nodes."""
        return self.servers_cpu_s / self.requests * 1e6


_Pairs = list[tuple[Figures, Figures]]  # kvraft's and etcd's, round by round


@dataclass(frozen=True)
class Clusters:
    """One of each, or kvraft alone, that run at the same time; one of them has a load."""

    world: World
    stores: dict[str, Store]

    def load(self, program: Path, name: str, clients: int, seconds: float) -> Figures:
        """After a fifth of the time to warm up."""
        store = self.stores[name]
        words = (store.protocol, store.port, clients, seconds, seconds / 5, *store.pids)
        try:
            said = output_of([str(program), *map(str, words)], self.world)
        except LoadFailed as failure:
            store.blame(str(failure))
            raise
        return Figures(**json.loads(said))

    def redis(self, program: str, depth: int, count: int) -> float:
        """SETs a second of kvraft."""
        store = self.stores[KVRAFT]
        words = ["-p", str(store.port), "-P", str(depth), "-n", str(count), *REDIS]
        try:
            return commands_per_s(output_of([program, *words], self.world), ("SET",))["SET"]
        except LoadFailed as failure:
            store.blame(str(failure))
            raise


@contextmanager
def _running(bench: Bench, has_etcd: bool, does_flush: bool) -> Iterator[Clusters]:
    extra = {name: () if does_flush else (word,) for name, word in _NO_FLUSH.items()}
    with fresh(bench.attempt) as attempt, ExitStack() as stack:
        found = [stack.enter_context(kvraft(attempt, "--resp2", *extra[KVRAFT]))]
        if has_etcd:
            found.append(stack.enter_context(etcd(attempt, *extra[ETCD])))
        yield Clusters(attempt.world, {store.name: store for store in found})


def rows(bench: Bench) -> list[Row]:
    """Measures all for which the tools are there, and says what is missing."""
    benchmark, has_etcd = redis_benchmark(), etcd_program() is not None
    if benchmark is None:
        bench.say(f"no rows for redis-benchmark: the Debian package {PACKAGE} is missing")
    if not has_etcd:
        bench.say(f"no rows for {ETCD}: the Debian package {ETCD_PACKAGE} is missing")
    if benchmark is None and not has_etcd:
        return []
    bench.say(f"the files of all nodes are on {file_system(bench.attempt.sandbox.folder)}")
    found: list[Row] = []
    with _running(bench, has_etcd, does_flush=True) as clusters:
        if has_etcd:
            found += _beside_etcd(bench, clusters)
        if benchmark is not None:
            found += _redis_rows(bench, clusters, benchmark)
    if has_etcd:
        with _running(bench, has_etcd, does_flush=False) as clusters:
            found += _without_flushes(bench, clusters)
    return found


def _loads(bench: Bench, clusters: Clusters, clients: tuple[int, ...]) -> dict[int, _Pairs]:
    """By the number of clients."""
    program = load.compiled(
        load.SET_LOAD, bench.attempt.builder.cache, bench.attempt.builder.compiler
    )
    assert program is not None
    seconds, rounds = (0.2, 1) if bench.quick else (3.0, 5)
    measures = {
        f"{name}, {count} clients": partial(clusters.load, program, name, count, seconds)
        for count in clients
        for name in clusters.stores
    }
    with progress(bench, rounds * len(measures)) as step:
        found = in_turn(measures, rounds, step)
    return {
        count: list(
            zip(*(found[f"{name}, {count} clients"] for name in (KVRAFT, ETCD)), strict=True)
        )
        for count in clients
    }


def _row(name: str, unit: str, found: _Pairs, figure: Callable[[Figures], float],
         goal: float | None = None, less_is_better: bool = False) -> Row:  # fmt: skip
    taken = [(figure(mine), figure(other)) for mine, other in found]
    return make_row(name, unit, taken, ETCD, goal=goal, less_is_better=less_is_better)


def _words(count: int) -> str:
    return f"{count} client{'s' if count > 1 else ''}"


def _beside_etcd(bench: Bench, clusters: Clusters) -> Iterator[Row]:
    for count, found in _loads(bench, clusters, CLIENTS).items():
        what = f"{_words(count)}, flushed"
        most = MOST_RATE if count == max(CLIENTS) else None
        least = LEAST_P50 if count == min(CLIENTS) else None
        yield _row(f"cluster: SET, {what}", "1/s", found, lambda one: one.per_s, most)
        yield _row(f"cluster: p50, {what}", "us", found, lambda one: one.p50_us, least, True)
        yield _row(f"cluster: p99, {what}", "us", found, lambda one: one.p99_us, None, True)
        busy = max(one.cpu_s / one.seconds for pair in found for one in pair)
        bench.say(f"{_words(count)}: the load had {busy:.0%} of a processor at most")


def _without_flushes(bench: Bench, clusters: Clusters) -> Iterator[Row]:
    for count, found in _loads(bench, clusters, (1, max(CLIENTS))).items():
        what = f"{_words(count)}, not flushed"
        yield _row(f"cluster: SET, {what}", "1/s", found, lambda one: one.per_s)
        yield _row(
            f"cluster: CPU of a SET, {what}", "us", found, lambda one: one.cpu_us, None, True
        )


def _redis_rows(bench: Bench, clusters: Clusters, program: str) -> Iterator[Row]:
    rounds, fewer = (1, 20) if bench.quick else (5, 1)
    measures = {
        f"redis-benchmark, depth {depth}": partial(clusters.redis, program, depth, count // fewer)
        for depth, count in REDIS_DEPTHS.items()
    }
    with progress(bench, rounds * len(measures)) as step:
        deep, flat = in_turn(measures, rounds, step).values()
    name = "cluster: redis-benchmark -t set -c 50 -P 16, flushed"
    yield make_row(name, "1/s", [(one, REDIS_GOAL) for one in deep], "the goal", goal=1.0)
    yield make_row(name, "1/s", pairs(deep, flat), "-P 1")


def file_system(path: Path) -> str:
    """What keeps the files there: proc(5), mountinfo."""
    kinds = {}
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        mount, _, more = line.partition(" - ")
        kinds[mount.split()[4]] = more.split()[0]
    above = [path, *path.parents]
    return next((kinds[str(one)] for one in above if str(one) in kinds), "an unknown file system")
