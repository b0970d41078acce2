"""Lab 5: whole clusters of the student's servers, under schedules that the seed decides."""

from __future__ import annotations

from grader.labs.clusters import scheduled, searched
from grader.labs.stage import Attempt, stage
from grader.sim.choices import Bounds

SCHEDULES = 520
ROUGH_MS = 1500
SIZES = (3, 5, 3, 7, 5)


# Of three servers: every order of the messages of one election; and the first messages of two. One
# server crashes, anywhere.
SEARCHES = (("judge", Bounds(8, 1, 1)), ("plain", Bounds(5, 2, 1)))
MOST_STATES = 60_000


@stage(
    "5.14",
    "Whole clusters",
    points=10,
    see="lab5#clusters",
    source="Raft, figure 3; section 5.2",
    seconds=60,
)
def test_clusters(attempt: Attempt) -> None:
    """Whatever the network does to messages, and wherever servers crash: no term has two leaders,
    no server votes twice, and soon after the network heals all follow one leader, which stays.
    """

    for build, bounds in SEARCHES:
        searched(attempt, build, bounds, MOST_STATES)
    scheduled(attempt, SCHEDULES, SIZES, ROUGH_MS)
