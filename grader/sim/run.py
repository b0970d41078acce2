"""Whole runs: drawn, replayed, and compared."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from grader.run.random import Random
from grader.sim.cluster import START, Cluster, Input
from grader.sim.family import PAXOS, RAFT, Family
from grader.sim.invariants import Broken, Checks, Elections
from grader.sim.invariants_log import Logs
from grader.sim.paxos.checks import Paxos
from grader.sim.schedule import CALM, Faults, Schedule
from grader.sim.server import Answer, Config, Host

_MOST_ROUGH = 1500  # events of one run before its network heals

Rules: TypeAlias = Callable[[Config], list[Checks]]


def elections(config: Config) -> list[Checks]:
    """The rules of lab 5."""
    return [Elections(config)]


def told(config: Config) -> list[Checks]:
    """The same as far as messages alone tell: what was saved before them is not looked at."""
    return [Elections(config, durable=False)]


def logs(config: Config) -> list[Checks]:
    """The rules of lab 6: those of lab 5, and those of logs."""
    return [Elections(config), Logs(config)]


def logs_told(config: Config) -> list[Checks]:
    """The same, but nobody asks what was synced before a message was sent."""
    return [Elections(config, durable=False), Logs(config, durable=False)]


def paxos(config: Config) -> list[Checks]:
    """The rules of lab 6's extension."""
    return [Paxos(config)]


_OF_LOGS = (logs, logs_told)

RULE_SETS: dict[str, Rules] = {
    rules.__name__: rules for rules in (elections, told, logs, logs_told, paxos)
}


def family(rules: Rules) -> Family:
    """The protocol that these rules are about."""
    return PAXOS if rules is paxos else RAFT


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
    printed: dict[int, bytes]  # what each server printed last
    rules: Rules = elections

    @property
    def family(self) -> Family:
        return family(self.rules)

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
    (other ones in each run, unless they are given) the network heals; before that, where servers
    are due so often that there is no end to it.
    """
    random = Random(*place)
    drawn = faults or Faults.draw(random, config.election_max)
    if rules in _OF_LOGS and not drawn.proposals:
        drawn = drawn.with_clients(random)

    def plan(cluster: Cluster) -> None:
        schedule = family(rules).schedule(cluster, random, drawn)
        schedule.run(rough_ms, _MOST_ROUGH)
        _end(schedule, rules)

    return carry_out(host, config, rules, plan)


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
            _end(family(rules).schedule(cluster, Random("fair"), CALM), rules)

    return carry_out(host, config, rules, plan)


def _end(schedule: Schedule, rules: Rules) -> None:
    schedule.run_to_leader()
    if rules in _OF_LOGS:
        schedule.run_to_agreement()


def carry_out(host: Host, config: Config, rules: Rules, plan: Callable[[Cluster], None]) -> Run:
    """What happens to a new cluster by that plan, up to the first rule that is broken."""
    cluster = family(rules).cluster(host, config, rules(config))
    broken = None
    try:
        plan(cluster)
    except Broken as rule:
        broken = rule
    finally:
        cluster.close()
    return recorded(cluster, broken, rules)


def recorded(cluster: Cluster, broken: Broken | None, rules: Rules) -> Run:
    """What happened to a cluster so far."""
    now = cluster.inputs[-1][2] - cluster.inputs[0][2] if cluster.inputs else 0
    return Run(
        cluster.config,
        cluster.inputs,
        cluster.answers,
        cluster.crashed,
        now,
        broken,
        cluster.printed,
        rules,
    )


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
