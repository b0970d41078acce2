"""Scenarios of whole clusters: a server of Python that is right, in its own way, plays them all; of
those that break one rule each is found out by one that says where.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import cast

import pytest

from grader.labs.lab6 import scenarios_costs
from grader.labs.lab6.hints_clusters import HINTS
from grader.labs.lab6.scenario import Scenario
from grader.labs.lab6.scenarios import CASES, Case
from grader.labs.simulator import Simulator, rule_id
from grader.selftest.toy_log import LogToys
from grader.sim import run
from grader.sim.invariants import RULES
from grader.sim.server import Answer, Host, Life, Server
from grader.verdicts import StageFailure


@dataclass
class Program:
    """It has no process."""

    def processes(self) -> list[int]:
        return []


@dataclass
class ToySimulator:
    """What a scenario asks of a Simulator, with servers of Python."""

    host: Host
    program: Program = field(default_factory=Program)
    runs: list[run.Run] = field(default_factory=list)

    def start(self, life: Life) -> tuple[Server, Answer]:
        return self.host.start(life)

    def look(self) -> None:
        """Nobody looks at bounds."""

    def count(self, done: run.Run) -> None:
        self.runs.append(done)


def play(case: Case, flaw: str = "") -> run.Run:
    simulator = ToySimulator(LogToys(flaw))
    one = Scenario(cast(Simulator, simulator), case.title, case.servers, case.disks)
    with one.playing():
        case.play(one)
    return simulator.runs[-1]


FAR = Case(
    "a follower far behind",
    3,
    partial(scenarios_costs.behind, entries=500),
    scenarios_costs.disks_behind(500),
)
"""Toys send two entries with each heartbeat: that takes long, and is allowed."""


@pytest.mark.parametrize("case", [*CASES, FAR], ids=lambda case: case.title)
def test_a_right_server_plays_every_scenario_and_the_same_each_time(case: Case) -> None:
    one, same = play(case), play(case)
    assert run.difference(one, same) is None
    again = run.replay(LogToys(), one.config, one.inputs, rules=one.rules)
    assert run.difference(one, again) is None


# Each flaw, the diagnosis, and words of the step at which it shows.
FLAWS = {
    "votes for any log": ("votes-go-to-logs-that-are-up-to-date", "where "),
    "tells a shorter log": ("candidates-tell-their-own-log", "where "),
    "commits old terms": ("entries-of-the-current-term-commit", "where "),
    "never goes back": ("what-is-proposed-gets-committed", "and then the network heals"),
    "beats all the time": ("waste-idle", "nobody proposes for 40 heartbeat intervals"),
    "sends all again": ("waste-resent", "where "),
    "refuses to vote": ("scenario-not-elected", "where all servers start"),
    "resigns": ("scenario-churn", "200 ms late"),
    "commits what it hears of": ("a-majority-commits", "nobody hears of proposal 1"),
}


def first_failure(flaw: str) -> StageFailure:
    for case in CASES:
        try:
            play(case, flaw)
        except StageFailure as failure:
            return failure
    pytest.fail("every scenario is played")


@pytest.mark.parametrize("flaw", FLAWS)
def test_a_flaw_is_found_in_a_step_that_is_told(flaw: str) -> None:
    failure = first_failure(flaw)
    id, words = FLAWS[flaw]
    assert failure.diagnosis is not None
    assert failure.diagnosis.id == id, failure.summary
    assert words in failure.summary
    assert id in HINTS
    assert failure.run is not None and failure.run.broken is not None


def test_requests_that_pile_up_are_found_while_they_are_few() -> None:
    """A leader that asks the same with each refusal has one more request under way with each
    heartbeat.
    """
    case = next(case for case in CASES if case.title == "the leader fails")
    with pytest.raises(StageFailure, match="AppendEntries of server") as found:
        play(case, "only asks again")
    failure = found.value
    assert failure.diagnosis is not None
    assert failure.diagnosis.id == "messages-do-not-multiply"
    assert failure.run is not None and len(failure.run.inputs) < 5_000


def test_each_rule_of_logs_has_a_hint() -> None:
    rules = list(RULES)
    first, last = rules.index("a leader takes proposals"), rules.index("a leader is elected")
    assert [rule for rule in rules[first:last] if rule_id(rule) not in HINTS] == []
