"""Whole clusters of the student's servers, for stages of labs 5 and 6: many schedules, or all."""

from __future__ import annotations

from collections.abc import Sequence

from grader.labs.fleet import Fleet
from grader.labs.simulator import Simulator, count, fail_broken, sharing_cpu
from grader.labs.stage import Attempt
from grader.sim.choices import Bounds, Chooser, nothing
from grader.sim.run import Rules, Run, draw, elections
from grader.sim.search import search
from grader.sim.server import Config, Host
from grader.sim.shrink import shrink

_TIMES = ((150, 300, 50), (150, 300, 50), (20, 45, 6), (1000, 1400, 300))


def scheduled(
    attempt: Attempt,
    schedules: int,
    sizes: Sequence[int],
    rough_ms: int,
    rules: Rules = elections,
) -> None:
    """So many schedules of clusters of these sizes, with faults for ``rough_ms`` virtual
    milliseconds, or in proportion where timeouts are other than Raft's usual ones.
    """

    def make(host: Host, number: int) -> Run:
        config = Config(sizes[number % len(sizes)], *_TIMES[number % len(_TIMES)])
        rough = rough_ms * config.election_max // 300
        return draw(host, config, (attempt.seed, attempt.stage.id, number), rough, rules=rules)

    Fleet(attempt, schedules, make).run()


def searched(
    attempt: Attempt,
    build: str,
    bounds: Bounds,
    budget: int,
    rules: Rules = elections,
    beginning: Chooser = nothing,
) -> None:
    """All that can happen to three servers within the bounds, or as much of it as ``budget``
    states.
    """
    simulator, began = Simulator(attempt, build), attempt.world.elapsed()
    with sharing_cpu(simulator.cpu):
        found = search(simulator, Config(3), budget, bounds, rules=rules, beginning=beginning)
    attempt.world.extend(attempt.world.elapsed() - began)
    count(attempt, 1, found.calls, 0)
    if found.run is not None:
        fail_broken(shrink(simulator.host, found.run), "a search of all orders: ")
