"""Whole runs: drawn, replayed, and compared."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from grader.run.random import Random
from grader.sim.cluster import START, Cluster, Input
from grader.sim.invariants import Broken, Checks, Elections
from grader.sim.schedule import CALM, Faults, Schedule
from grader.sim.server import Answer, Config, Host

Rules: TypeAlias = Callable[[Config], list[Checks]]


def elections(config: Config) -> list[Checks]:
    """The rules of lab 5."""
    return [Elections(config)]


@dataclass(frozen=True)
class Run:
    """What happened: inputs, and what the server that each was for did. ``broken`` is the rule that
    the last of them broke. An event is an input that was delivered and checked.
    """

    config: Config
    inputs: list[Input]
    answers: list[Answer]
    crashed: set[int]  # the numbers of the inputs that ended in a crash
    virtual_ms: int
    broken: Broken | None

    @property
    def events(self) -> int:
        return len(self.inputs)

    @property
    def starts(self) -> int:
        return sum(one[1] == START for one in self.inputs)


def draw(
    host: Host,
    config: Config,
    place: tuple[int, str, int],
    rough_ms: int,
    faults: Faults | None = None,
    rules: Rules = elections,
) -> Run:
    """A run of its own for each ``place``: seed, stage, number. After ``rough_ms`` with faults
    (other ones in each run, unless they are given) the network heals.
    """
    random = Random(*place)

    def plan(cluster: Cluster) -> None:
        schedule = Schedule(cluster, random, faults or Faults.draw(random))
        schedule.run(rough_ms)
        schedule.run_to_leader()

    return _run(host, config, rules, plan)


def replay(
    host: Host,
    config: Config,
    inputs: Sequence[Input],
    *,
    to_leader: bool = False,
    rules: Rules = elections,
) -> Run:
    """The same again, without a generator; or a part of it. With ``to_leader`` the network heals
    after it, and then works in a way that is always the same.
    """

    def plan(cluster: Cluster) -> None:
        for one in inputs:
            cluster.apply(one)
        if to_leader:
            Schedule(cluster, Random("fair"), CALM).run_to_leader()

    return _run(host, config, rules, plan)


def _run(host: Host, config: Config, rules: Rules, plan: Callable[[Cluster], None]) -> Run:
    cluster = Cluster(host, config, rules(config))
    broken = None
    try:
        plan(cluster)
    except Broken as rule:
        broken = rule
    finally:
        cluster.close()
    now = cluster.inputs[-1][2] if cluster.inputs else 0
    return Run(config, cluster.inputs, cluster.answers, cluster.crashed, now, broken)


def difference(one: Run, other: Run) -> int | None:
    """Where two runs that should be the same differ first: the place among their events."""
    if one.inputs == other.inputs and one.answers == other.answers:
        return None
    for at, pairs in enumerate(
        zip(one.inputs, other.inputs, one.answers, other.answers, strict=False)
    ):
        if pairs[0] != pairs[1] or pairs[2] != pairs[3]:
            return at
    return min(len(one.answers), len(other.answers))
