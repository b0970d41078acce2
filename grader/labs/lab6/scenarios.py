"""The scenarios of stage 6.13 that are the same with every seed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from grader.labs.lab6 import scenarios_costs, scenarios_failures, scenarios_figures
from grader.labs.lab6.scenario import Scenario


@dataclass(frozen=True)
class Case:
    """A scenario: its title, how many servers, what happens, and what is on their disks."""

    title: str
    servers: int
    play: Callable[[Scenario], object]
    disks: dict[int, Sequence[int]] | None = None


_FAILURES, _FIGURES = scenarios_failures, scenarios_figures
# Bytes of an entry; whether replies arrive.
_FIGURE_8 = {
    "figure 8, no replies": (10, False),
    "figure 8": (10, True),
    "figure 8, large entries": (600_000, True),  # which go one by one
}

CASES = (
    Case("agreement, and none too early", 3, _FAILURES.agreement),
    Case("concurrent proposals", 3, _FAILURES.concurrent_proposals),
    Case("followers fail", 3, _FAILURES.follower_failure),
    Case("the leader fails", 3, _FAILURES.leader_failure),
    Case("one server after the other fails", 5, _FAILURES.rolling_failures),
    Case("no majority", 5, _FAILURES.no_majority),
    Case("a stale leader is back", 3, _FAILURES.stale_leader),
    Case("long logs diverge", 5, _FAILURES.divergent_logs),
    Case("restarts", 3, _FAILURES.restarts),
    Case("links work one way", 3, _FAILURES.one_way_links),
    Case("followers are slow", 3, _FAILURES.slow_followers),
    Case("an idle cluster", 3, scenarios_costs.idle),
    Case("each entry once", 3, scenarios_costs.each_once),
    Case("figure 7, repair", 7, _FIGURES.repairs, _FIGURES.DISKS),
    *(
        Case(f"figure 7, {name}", 7, partial(_FIGURES.elects, name=name), _FIGURES.DISKS)
        for name in _FIGURES.FOLLOWERS
    ),
    *(
        Case(title, 5, partial(_FIGURES.figure_8, size=size, replies=replies))
        for title, (size, replies) in _FIGURE_8.items()
    ),
)
