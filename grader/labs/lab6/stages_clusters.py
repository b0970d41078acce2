"""Lab 6: whole clusters that replicate, under schedules that the seed decides."""

from __future__ import annotations

from grader.labs.clusters import scheduled, searched
from grader.labs.stage import Attempt, stage
from grader.sim.choices import Bounds, elected
from grader.sim.run import logs

SCHEDULES = 300
ROUGH_MS = 700
SIZES = (3, 5, 3)

# Of three servers, one of which has just been elected: every order of the messages by which it
# commits one proposal, with a crash anywhere; and the first orders of two proposals and one more
# timeout. So many states at most.
SEARCHES = (
    (Bounds(4, 1, 1, proposals=1), 10_000),
    (Bounds(6, 2, 1, proposals=2), 6_000),
)


@stage(
    "6.14",
    "Clusters of three and five under seeded schedules, and every order of a small one",
    points=6,
    see="lab6#clusters",
    source="Raft, figure 3; sections 5.3 and 5.4",
    seconds=60,
)
def test_clusters(attempt: Attempt) -> None:
    """Whatever the network does to messages, wherever servers crash, and whomever clients ask: what
    is committed stays, all servers apply the same, and once the network heals all logs are equal.
    """
    for bounds, budget in SEARCHES:
        searched(attempt, "plain", bounds, budget, logs, elected)
    scheduled(attempt, SCHEDULES, SIZES, ROUGH_MS, logs)
