"""Lab 6, the node over TCP: what clients see while links are cut and nodes are killed."""

from __future__ import annotations

from grader.histories.clients import Crowd
from grader.labs.lab6.store import QUICK, Store, judge
from grader.labs.stage import Attempt, stage
from grader.run.random import Random

_SOME = 4  # operations of each client between two faults
_WHILE_S = 0.3  # of wall-clock time where nothing has to happen


@stage(
    "6.19",
    "Histories are linearizable",
    points=5,
    see="lab6#linearizable",
    source="Herlihy and Wing, Linearizability; Ongaro and Ousterhout, section 8",
    seconds=90,
)
def test_histories(attempt: Attempt) -> None:
    """Whatever is killed, stopped, cut off and restarted: what the clients see is what a store with
    a single copy could have done, each operation at one moment between its call and its return.
    """
    for count in (3, 5):
        random = attempt.random("faults", count)
        store = Store(attempt, *QUICK, count=count)
        store.wait_leader(0, f"of {count} nodes that were just started")
        crowd = store.crowd(random)
        crowd.wait_done(_SOME, "when all is well")
        for fault in _ROUNDS[count]:
            fault(store, crowd, random)
            crowd.wait_done(_SOME, "when all run and are connected")
        judge(crowd.finish())
        for id in list(store.nodes):
            store.kill(id)


def _lead(store: Store) -> tuple[int, int]:
    return store.wait_leader(0, "that runs")


def the_leader_is_cut_off(store: Store, crowd: Crowd, random: Random) -> None:
    """And goes on leading, as far as it knows."""
    term, leader = _lead(store)
    store.cut_off([leader])
    store.wait_leader(term, f"while node {leader}, the leader, is cut off")
    crowd.wait_done(_SOME, f"while node {leader}, the former leader, is cut off")
    store.heal(loses=random.below(2) == 0)


def the_leader_is_killed(store: Store, crowd: Crowd, _: Random) -> None:
    term, leader = _lead(store)
    store.kill(leader)
    store.wait_leader(term, f"after node {leader}, the leader, was killed")
    crowd.wait_done(_SOME, f"while node {leader} is gone")
    store.start(leader)


def the_leader_is_stopped(store: Store, crowd: Crowd, _: Random) -> None:
    """What it was asked meanwhile, it does when it goes on."""
    term, leader = _lead(store)
    stopped = store.stop(leader)
    store.wait_leader(term, f"after node {leader}, the leader, was stopped")
    crowd.wait_done(_SOME, f"while node {leader} is stopped")
    store.go_on(leader, stopped)


def the_leader_is_deaf(store: Store, crowd: Crowd, random: Random) -> None:
    """Nothing comes to it; what it sends keeps the others from standing."""
    leader = _lead(store)[1]
    store.wires.cut(store.ways([leader])[1])
    crowd.world.observe(_WHILE_S, lambda: False)
    store.heal(loses=random.below(2) == 0)


def the_leader_is_dumb(store: Store, crowd: Crowd, random: Random) -> None:
    """Nothing comes from it."""
    term, leader = _lead(store)
    store.wires.cut(store.ways([leader])[0])
    store.wait_leader(term, f"while nothing comes from node {leader}, the leader")
    crowd.wait_done(_SOME, f"while nothing comes from node {leader}")
    store.heal(loses=random.below(2) == 0)


def a_minority_is_left(store: Store, crowd: Crowd, random: Random) -> None:
    """The leader and one other, of five, are cut off."""
    term, leader = _lead(store)
    others = [id for id in store.ids if id != leader]
    store.cut_off([leader, others[random.below(len(others))]])
    store.wait_leader(term, "of the three that are left")
    crowd.wait_done(_SOME, "while two of five are cut off")
    store.heal(loses=random.below(2) == 0)


def a_majority_is_killed(store: Store, crowd: Crowd, random: Random) -> None:
    """Any of them, at once; all come back."""
    first = random.below(len(store.ids))
    gone = [1 + (first + step) % len(store.ids) for step in range(len(store.ids) // 2 + 1)]
    for id in gone:
        store.kill(id)
    crowd.world.observe(_WHILE_S, lambda: False)
    for id in gone:
        store.start(id)


_ROUNDS = {
    3: (
        the_leader_is_cut_off,
        the_leader_is_stopped,
        the_leader_is_killed,
        the_leader_is_deaf,
        a_majority_is_killed,
    ),
    5: (a_minority_is_left, the_leader_is_dumb, the_leader_is_killed),
}
