"""Lab 6: whole clusters in scenarios that each have a name, step by step."""

from __future__ import annotations

from grader.labs.lab6 import scenarios_costs
from grader.labs.lab6.scenario import Scenario
from grader.labs.lab6.scenarios import CASES
from grader.labs.simulator import Simulator, fail_broken
from grader.labs.stage import Attempt, stage
from grader.sim.run import draw, logs
from grader.sim.schedule import Faults
from grader.sim.server import Config
from grader.sim.shrink import shrink

_SCALE = 1 << 16
# What a seed decides: runs of five servers with faults of one kind, and clients all the time.
STORMS = {
    "figure 8, with loss": Faults(loss=_SCALE // 10, late=_SCALE // 8, crashes=150, proposals=20),
    "churn": Faults(delay=20, moves=150, crashes=300, proposals=5),
    "constant repartition": Faults(delay=5, moves=60, proposals=10),
}
_STORMS_OF_EACH, _STORM_MS = 4, 1000


@stage(
    "6.13",
    "The scenarios",
    points=8,
    see="lab6#scenarios",
    source="Raft, sections 5.3 and 5.4, figures 7 and 8",
    seconds=60,
)
def test_scenarios(attempt: Attempt) -> None:
    """Servers fail, lead and come back, links break, and clients go on: what is committed stays,
    what can be committed is, and no message is wasted.
    """
    simulator = Simulator(attempt)
    for case in CASES:
        one = Scenario(simulator, case.title, case.servers, case.disks)
        with one.playing():
            case.play(one)
    far_behind(simulator)
    storms(attempt, simulator)


def far_behind(simulator: Simulator) -> None:
    costs = scenarios_costs
    requests = cpu = None
    for entries in (costs.FEW, costs.MANY):
        one = Scenario(simulator, "a follower far behind", 3, costs.disks_behind(entries))
        with one.playing():
            requests, cpu = costs.behind(one, entries, requests, cpu)
        if requests > costs.MOST_MESSAGES:
            return  # each brings few entries: many would take too long


def storms(attempt: Attempt, simulator: Simulator) -> None:
    for title, faults in STORMS.items():
        for number in range(_STORMS_OF_EACH):
            place = attempt.seed, f"{attempt.stage.id} {title}", number
            run = draw(simulator, Config(5), place, _STORM_MS, faults, logs)
            simulator.count(run)
            if run.broken is not None:
                fail_broken(shrink(simulator.host, run), f"{title}, run {number}: ")
