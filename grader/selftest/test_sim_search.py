"""The systematic search: that it goes through all orders, that it finds what random runs find
rarely, and that what it finds is a run like any other.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

import pytest

from grader.selftest.test_sim import host, raft_sim  # noqa: F401
from grader.selftest.toy_raft import Toy, Toys
from grader.sim import ladder, run
from grader.sim.choices import Bounds, endings
from grader.sim.cluster import PROPOSE, RECEIVE, TICK, Ended
from grader.sim.search import search
from grader.sim.server import (
    SAVE_VOTE,
    SEND,
    SYNC,
    Answer,
    Config,
    Effect,
    ForkingHost,
    Life,
    ServerEnded,
)
from grader.sim.shrink import shrink
from grader.wire.messages import AppendEntries, RequestVote, decode

THREE, FIVE = Config(3), Config(5)


class ForgetsItsVote(Toy):
    """A heartbeat of its term clears its vote."""

    def receive(self, now: int, sender: int, data: bytes) -> Answer:
        message = decode(data)
        if isinstance(message, AppendEntries) and message.term == self.term:
            self.vote = 0
        return super().receive(now, sender, data)


class ForgetsAfterARestart(Toy):
    """It starts with its vote, and loses it to the first request for another."""

    def __init__(self, flaw: str, life: Life) -> None:
        super().__init__(flaw, life)
        self.restarted = self.vote not in (0, self.id)

    def asked(self, now: int, message: RequestVote) -> None:
        if self.restarted and message.term == self.term:
            self.vote = 0
        super().asked(now, message)


class CountsTwice(Toy):
    """A vote that comes twice counts twice: as one of a server that there is not."""

    def receive(self, now: int, sender: int, data: bytes) -> Answer:
        return super().receive(now, sender if sender not in self.voters else -sender, data)


class EndsWithAProposal(Toy):
    """A leader that is given something ends."""

    def propose(self, now: int, data: bytes) -> Answer:
        raise ServerEnded("it ended")


@dataclass
class Only:
    """Starts servers of that kind."""

    kind: type[Toy]

    def start(self, life: Life) -> tuple[Toy, Answer]:
        toy = self.kind("", life)
        return toy, toy.begin(life.now)


@pytest.mark.parametrize(("kind", "most"), [(ForgetsItsVote, 5), (ForgetsAfterARestart, 0)])
def test_what_random_runs_find_rarely_is_found(kind: type[Toy], most: int) -> None:
    drawn = [run.draw(Only(kind), THREE, (1, "5.14", number), 1500) for number in range(30)]
    assert sum(one.broken is not None for one in drawn) <= most
    found = search(Only(kind), THREE, 5000)
    assert found.run is not None and found.run.broken is not None
    assert found.run.broken.rule == "one vote a term"
    assert not found.complete


def test_what_is_found_is_a_run_that_is_replayed_and_shrunk() -> None:
    forgetful = Only(ForgetsAfterARestart)
    found = search(forgetful, THREE, 5000).run
    assert found is not None
    assert [one[2] for one in found.inputs] == sorted(one[2] for one in found.inputs)
    again = run.replay(forgetful, THREE, found.inputs)
    assert again.broken is not None
    assert run.difference(found, again) is None
    short = shrink(forgetful, found)
    assert short.broken is not None and short.broken.rule == "one vote a term"
    assert "broken: one vote a term" in ladder.draw(short, last=4).splitlines()[-1]


@pytest.mark.parametrize(
    ("flaw", "rule"),
    [
        ("sends before it syncs", "save, then send"),
        ("votes twice", "save, then send"),
        ("names another", "messages name their sender"),
        ("counts to half", "a majority elects"),
        ("refuses the stale", "messages are accepted"),
    ],
)
def test_flaws_are_found_by_short_runs(flaw: str, rule: str) -> None:
    found = search(Toys(flaw), Config(4), 5000).run
    assert found is not None and found.broken is not None
    assert found.broken.rule == rule
    assert len(shrink(Toys(flaw), found).inputs) <= len(found.inputs) <= 11


def test_a_server_that_ends_is_found() -> None:
    bounds = Bounds(deliveries=2, timeouts=3, crashes=0)
    found = search(Toys("ends"), Config(2), 5000, bounds).run
    assert found is not None
    assert isinstance(found.broken, Ended)


def test_a_right_server_is_gone_through_wholly_and_each_time_in_the_same_way() -> None:
    first, again = (search(Toys(), THREE, 5000, Bounds(8, 1, 1)) for _ in range(2))
    assert first == again
    assert first.complete and first.run is None
    assert first.runs < first.states < first.calls * 4  # most calls were known already


def test_a_budget_ends_the_search() -> None:
    bounds = Bounds(4, 1, 0)
    whole = search(Toys(), THREE, 5000, bounds)
    assert search(Toys(), THREE, whole.states, bounds) == whole
    part = search(Toys(), THREE, 40, bounds)
    assert not part.complete
    assert 40 < part.states < 50 < whole.states


def test_a_vote_that_comes_twice_needs_repeats() -> None:
    assert search(Only(CountsTwice), FIVE, 5000, Bounds(3, 1, 0)).run is None
    found = search(Only(CountsTwice), FIVE, 5000, Bounds(3, 1, 0, repeats=1)).run
    assert found is not None and found.broken is not None
    assert found.broken.rule == "a majority elects"
    kinds = [one[1] for one in found.inputs]
    assert kinds.count(RECEIVE) == 3


def test_proposals_are_made_to_leaders() -> None:
    bounds = Bounds(2, 1, 0, proposals=1)
    found = search(Only(EndsWithAProposal), THREE, 5000, bounds).run
    assert found is not None and isinstance(found.broken, Ended)
    assert [one[1] for one in found.inputs[3:]] == [TICK, RECEIVE, RECEIVE, PROPOSE]


def test_what_happens_once_only_is_chance() -> None:
    """The first server that is asked for a vote ends, and no other one does."""

    class Once(Toy):
        ended = False

        def asked(self, now: int, message: RequestVote) -> None:
            if not Once.ended:
                Once.ended = True
                raise ServerEnded("it ended")
            super().asked(now, message)

    found = search(Only(Once), THREE, 5000, Bounds(3, 1, 0))
    assert Once.ended
    assert found.run is None


VOTE: list[Effect] = [(SAVE_VOTE, 1, 0), (SAVE_VOTE, 1, 2), (SYNC,), (SEND, 2, b"yes")]


@pytest.mark.parametrize(
    ("effects", "unsynced", "found"),
    [
        ([], 0, []),
        (VOTE, 0, [(1, 1, 0, 1), (2, 2, 0, 2), (4, 0, 1, 2)]),
        (VOTE[3:], 0, [(1, 0, 1, 0)]),
        (VOTE[3:], 2, [(1, 0, 1, 0), (1, 1, 1, 1), (1, 2, 1, 2)]),
        (VOTE[2:3], 1, []),
    ],
)
def test_crashes_that_differ_in_nothing_are_one(
    effects: list[Effect], unsynced: int, found: list[tuple[int, int, int, int]]
) -> None:
    assert list(endings(effects, unsynced)) == found


# --- the same by brute force ---

Logs: TypeAlias = tuple[tuple[object, ...], ...]


@dataclass
class Course:
    """Servers of Python, copied for each order in which things may happen."""

    left: Bounds
    servers: list[Toy] = field(default_factory=list)
    logs: list[tuple[object, ...]] = field(default_factory=lambda: [()] * 3)
    disks: list[tuple[int, int]] = field(default_factory=lambda: [(0, 0)] * 3)
    mail: list[tuple[int, int, bytes]] = field(default_factory=list)

    def start(self, server: int) -> None:
        toy = Toy("", Life(THREE, server, 0, server, self.disks[server - 1], []))
        toy.begin(0)
        self.servers[server - 1 : server] = [toy]

    def after(self, server: int, what: object, effects: list[Effect], crashes: bool) -> None:
        """What it did, up to a crash maybe, and what the others can see of that."""
        disk = self.disks[server - 1]
        for effect in effects:
            if effect[0] == SEND:
                self.mail.append((server, effect[1], effect[2]))
            elif effect[0] == SAVE_VOTE:
                disk = effect[1:]
        sent = sum(effect[0] == SEND for effect in effects)
        self.disks[server - 1] = disk
        self.logs[server - 1] += ((what, sent, disk if crashes else None),)
        if crashes:
            self.left = self.left._replace(crashes=self.left.crashes - 1)
            self.start(server)

    def next(self) -> Iterator[Course]:
        for at, one in enumerate(self.mail if self.left.deliveries else []):
            course = copy.deepcopy(self)
            course.left = self.left._replace(deliveries=self.left.deliveries - 1)
            del course.mail[at]
            yield from course.ways(one[1], one)
        for server in (1, 2, 3) if self.left.timeouts else ():
            course = copy.deepcopy(self)
            course.left = self.left._replace(timeouts=self.left.timeouts - 1)
            yield from course.ways(server, None)

    def ways(self, server: int, mail: tuple[int, int, bytes] | None) -> Iterator[Course]:
        """Without a crash, and with one after each effect."""
        toy = self.servers[server - 1]
        if mail is None:
            effects = toy.tick(toy.due)[0]
        else:
            effects = toy.receive(0, mail[0], mail[2])[0]
        ends = range(1, len(effects) + 1) if self.left.crashes else ()
        for end in (None, *ends):
            course = copy.deepcopy(self)
            course.after(server, mail, effects[:end], end is not None)
            yield course


def reached(course: Course, found: set[Logs]) -> int:
    """All that servers may have gone through, from there on. Returns how many orders there are."""
    found.add(tuple(course.logs))
    return sum(reached(other, found) for other in course.next()) or 1


@pytest.mark.parametrize("bounds", [Bounds(6, 1, 0), Bounds(4, 1, 1), Bounds(2, 2, 1)])
def test_every_order_of_an_election_is_reached(bounds: Bounds) -> None:
    """With one crash, after any effect: by brute force there are as many states."""
    course = Course(bounds)
    for server in (1, 2, 3):
        course.start(server)
    found: set[Logs] = set()
    orders = reached(course, found)
    searched = search(Toys(), THREE, 50_000, bounds)
    assert searched.complete
    assert searched.states == len(found) < orders


# --- raft_sim, with the core of solutions/ ---


def test_nothing_is_found_in_the_core(host: ForkingHost) -> None:  # noqa: F811
    first, again = (search(host, THREE, 5000, Bounds(8, 1, 1)) for _ in range(2))
    assert first == again
    assert first.complete and first.run is None
