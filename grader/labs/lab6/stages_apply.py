"""Lab 6: what is committed is applied."""

from __future__ import annotations

from grader.labs.lab5.scene import NOBODY, heartbeat
from grader.labs.lab6.played import Played
from grader.labs.lab6.scene import LogScene
from grader.labs.lab6.stages_commit import over_empty_logs
from grader.labs.lab6.stages_follower import entries, follower
from grader.labs.lab6.stages_leader import DATA
from grader.labs.simulator import Simulator
from grader.labs.stage import Attempt, stage
from grader.run.random import Random
from grader.sim.server import APPLY, Effect


@stage(
    "6.11",
    "Every entry is applied once, and in order",
    points=4,
    see="lab6#apply",
    source="Raft, section 5.3; figure 2, All Servers",
)
def test_apply(attempt: Attempt) -> None:
    """Each committed entry is applied, empty ones too: once from each start on, in the order of
    indexes, with its own term and bytes, and not before it is known to be committed.
    """
    simulator = Simulator(attempt)
    following(simulator)
    replaced(simulator)
    restarted(simulator)
    for number in range(3):
        any_order(simulator, attempt.random(number))
    for servers in (1, 2, 5):
        leading(simulator, servers)
    leads_again(simulator)


def expect_applied(one: LogScene, when: str) -> None:
    """All that is committed, by now."""
    one.settle()
    if one.watch.applied != one.commit:
        one.fail(
            f"{when}: its commit index is {one.commit}, and it has applied entries up to "
            f"{one.watch.applied}",
            "apply-late",
            "figure 2, All Servers: if commitIndex > lastApplied, apply log[lastApplied]",
        )


def following(simulator: Simulator) -> None:
    log = [(7, data) for data in DATA] + entries(7, 7, 7, start=6)
    with follower(simulator, applies=True) as one:
        for prev, end, commit in (
            (0, 2, 0), (0, 2, 1), (2, 2, 1), (2, 5, 2), (5, 5, 5), (0, 5, 3), (5, 8, 9), (8, 8, 8),
        ):  # fmt: skip
            one.append((prev, 7 if prev else 0), log[prev:end], commit=commit)
            expect_applied(one, f"entries {prev + 1} to {end} came, with leader_commit {commit}")
        one.append((9, 7), commit=9, fits=False)
        expect_applied(one, "a request came that does not fit")


def replaced(simulator: Simulator) -> None:
    """What is applied is what took an uncommitted entry's place."""
    with follower(simulator, entries(1, 1, 1, 1), applies=True) as one:
        log = entries(1, 7, 7)
        one.append((1, 1), commit=4)
        expect_applied(one, "entry 1 was checked")
        one.append((1, 1), log[1:2], commit=2)
        expect_applied(one, "entry 2 was replaced")
        one.append((2, 7), log[2:], commit=3)
        expect_applied(one, "entry 3 was replaced")


def restarted(simulator: Simulator) -> None:
    """Nobody keeps the commit index: it is learnt again, and what was not committed may go."""
    log = entries(1, 1, 7, 7)
    with follower(simulator, applies=True) as one:
        one.append((0, 0), log, commit=2)
        expect_applied(one, "two of four entries are committed")
        for times in (1, 2):
            one.restart(seed=times + 1)
            one.expect_commit(0, "it has started again")
            quiet(one, one.pass_time(one.now + 100) + one.tick())
            quiet(one, one.append((4, 7)))
            one.append((4, 7), commit=times)
            expect_applied(one, f"it has started again, and leader_commit is {times}")
        one.restart(seed=9)
        one.leader, one.leader_term = 3, 9
        one.append((2, 1), entries(9, start=3), commit=3)
        expect_applied(one, "another leader has replaced entry 3")


def quiet(one: LogScene, effects: list[Effect]) -> None:
    if any(effect[0] == APPLY for effect in effects):
        one.fail(
            "it has started again, and applies what nobody has told it to be committed",
            "apply-uncommitted",
            "the last entries of a log may never have been on a majority",
        )


def any_order(simulator: Simulator, random: Random) -> None:
    """Parts of one log, with the commit index of then."""
    log = entries(*sorted(random.between(1, 7) for _ in range(30)))
    with follower(simulator, applies=True) as one:
        for _ in range(40):
            prev = random.below(min(len(log), one.last + 1))
            end = min(len(log), prev + random.below(6))
            term = log[prev - 1][0] if prev else 0
            one.append((prev, term), log[prev:end], commit=random.below(len(log)))
            expect_applied(one, f"entries {prev + 1} to {end} of the leader's log came")


def leading(simulator: Simulator, servers: int) -> None:
    """What is proposed, and a log from before."""
    with LogScene(simulator, servers, vote=(4, NOBODY), terms=entries(1, 4), applies=True) as one:
        one.lead_over(*map(Played, one.others))
        for data in DATA:
            index = one.propose(data)
            one.settle()
            one.expect_reached(index)
            if not one.serve(until=lambda: one.commit >= index):  # noqa: B023
                one.expect_counted(f"all have entry {index}")
            expect_applied(one, f"entry {index} is on all servers")


def leads_again(simulator: Simulator) -> None:
    """Nothing twice, though it became a follower and a leader again."""
    with over_empty_logs(simulator, applies=True) as one:
        for again in range(3):
            one.propose(b"%d" % again)
            one.settle()
            one.expect_reached(one.last)
            expect_applied(one, "all have its entries")
            one.tell(2, heartbeat(one.term + 1, 2))
            expect_applied(one, "another leads")
            one.lead_over(*one.peers.values())
            expect_applied(one, "it leads again")
