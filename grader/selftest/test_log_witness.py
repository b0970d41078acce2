"""The witness of stages 6.19 and 6.20: what it finds in bytes that are planted, and what it lets
pass.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from grader.labs.lab5.witness import Stream
from grader.labs.lab6.witness import LogWitness
from grader.sim.invariants import RULES, Broken
from grader.wire.messages import (
    AppendEntries,
    AppendEntriesReply,
    LogEntry,
    Message,
    RequestVote,
    RequestVoteReply,
    encode,
)


class Talk:
    """Messages between three nodes, one connection for each direction."""

    def __init__(self) -> None:
        self.witness = LogWitness(3)
        self._streams: dict[tuple[int, int], Stream] = {}
        self._seq = 0

    def say(self, sender: int, receiver: int, message: Message) -> None:
        if (sender, receiver) not in self._streams:
            self._streams[sender, receiver] = self.witness.stream(sender, receiver)
        self.witness.saw(self._streams[sender, receiver], encode(message))

    def elect(self, leader: int, voter: int, term: int) -> None:
        self.say(leader, voter, RequestVote(term, leader, 0, 0))
        self.say(voter, leader, RequestVoteReply(term, 1))

    def append(
        self, term: int, leader: int, to: int, prev: tuple[int, int], *terms: int, commit: int = 0
    ) -> int:
        """Entries of these terms; the seq."""
        self._seq += 1
        entries = tuple(LogEntry(one, b"of term %d" % one) for one in terms)
        self.say(leader, to, AppendEntries(term, leader, *prev, commit, self._seq, entries))
        return self._seq

    def answer(
        self, term: int, node: int, leader: int, match: int, ack: int, commit: int = 0
    ) -> None:
        self.say(node, leader, AppendEntriesReply(term, node, match, 1, commit, ack))


def committed(talk: Talk) -> None:
    """Node 1 leads term 1, with one entry that is committed by node 2."""
    talk.elect(1, 2, 1)
    talk.answer(1, 2, 1, 1, talk.append(1, 1, 2, (0, 0), 1))
    talk.append(1, 1, 2, (1, 1), commit=1)


def another_entry_at_the_same_place(talk: Talk) -> None:
    talk.elect(1, 2, 1)
    talk.append(1, 1, 2, (0, 0), 1)
    talk.say(1, 3, AppendEntries(1, 1, 0, 0, 0, 1, (LogEntry(1, b"another"),)))


def another_entry_before_it(talk: Talk) -> None:
    talk.elect(1, 2, 1)
    talk.append(1, 1, 2, (0, 0), 1)
    talk.elect(2, 3, 2)
    talk.append(2, 2, 3, (0, 0), 1, 2)
    talk.elect(3, 1, 3)
    talk.say(3, 1, AppendEntries(3, 3, 1, 2, 0, 1, (LogEntry(2, b"of term 2"),)))


def a_leader_that_overwrites(talk: Talk) -> None:
    talk.elect(1, 2, 2)
    talk.append(2, 1, 2, (0, 0), 1)
    talk.append(2, 1, 3, (0, 0), 2)


def a_leader_without_what_was_committed(talk: Talk) -> None:
    committed(talk)
    talk.elect(3, 2, 2)
    talk.append(2, 3, 2, (0, 0), 2)


def a_commit_without_a_majority(talk: Talk) -> None:
    talk.elect(1, 2, 1)
    talk.append(1, 1, 2, (0, 0), 1, commit=1)


def a_commit_beyond_the_majority(talk: Talk) -> None:
    talk.elect(1, 2, 1)
    talk.answer(1, 2, 1, 1, talk.append(1, 1, 2, (0, 0), 1))
    talk.append(1, 1, 2, (1, 1), 1, commit=2)


def figure_8(talk: Talk) -> None:
    talk.elect(1, 2, 1)
    talk.append(1, 1, 2, (0, 0), 1)
    talk.elect(1, 2, 3)
    talk.answer(3, 2, 1, 1, talk.append(3, 1, 2, (0, 0), 1))
    talk.append(3, 1, 2, (1, 1), commit=1)


def a_commit_that_falls(talk: Talk) -> None:
    committed(talk)
    talk.answer(1, 2, 1, 1, talk.append(1, 1, 2, (1, 1), commit=1), commit=1)
    talk.answer(1, 2, 1, 1, talk.append(1, 1, 2, (1, 1), commit=1), commit=0)


def more_than_was_asked(talk: Talk) -> None:
    talk.elect(1, 2, 1)
    talk.answer(1, 2, 1, 5, talk.append(1, 1, 2, (0, 0), 1))


PLANTED: dict[Callable[[Talk], None], str] = {
    another_entry_at_the_same_place: "log matching",
    another_entry_before_it: "log matching",
    a_leader_that_overwrites: "leader append-only",
    a_leader_without_what_was_committed: "leader completeness",
    a_commit_without_a_majority: "a majority commits",
    a_commit_beyond_the_majority: "a majority commits",
    figure_8: "entries of the current term commit",
    a_commit_that_falls: "commit never falls",
    more_than_was_asked: "replies answer requests",
}


@pytest.mark.parametrize("plant", PLANTED, ids=lambda plant: plant.__name__)
def test_the_witness_finds(plant: Callable[[Talk], None]) -> None:
    with pytest.raises(Broken) as found:
        plant(Talk())
    assert found.value.rule == PLANTED[plant]
    assert found.value.rule in RULES


def test_a_leader_may_know_of_a_commit_that_it_never_told() -> None:
    """It counted, was deposed before it said so, and leads again."""
    talk = Talk()
    talk.elect(1, 2, 1)
    talk.answer(1, 2, 1, 1, talk.append(1, 1, 2, (0, 0), 1))
    talk.elect(3, 2, 2)
    talk.elect(1, 2, 3)
    talk.append(3, 1, 2, (1, 1), 3, commit=1)
    assert talk.witness.commit == 1


def test_a_stale_leader_may_have_another_entry() -> None:
    """Where one of a later term was committed: that is how conflicts come about."""
    talk = Talk()
    talk.elect(3, 1, 1)
    talk.elect(1, 2, 2)
    talk.answer(2, 2, 1, 1, talk.append(2, 1, 2, (0, 0), 2))
    talk.append(2, 1, 2, (1, 2), commit=1)
    talk.say(3, 2, AppendEntries(1, 3, 0, 0, 0, 9, (LogEntry(1, b"stale"),)))


def test_an_old_entry_commits_with_one_of_the_own_term() -> None:
    talk = Talk()
    talk.elect(1, 2, 1)
    talk.append(1, 1, 2, (0, 0), 1)
    talk.elect(1, 2, 3)
    talk.answer(3, 2, 1, 2, talk.append(3, 1, 2, (0, 0), 1, 3))
    talk.append(3, 1, 2, (2, 3), commit=2)
    assert talk.witness.match(2) == 2


def test_what_was_forgotten_is_learnt_anew() -> None:
    talk = Talk()
    committed(talk)
    talk.witness.forget(5)
    talk.append(1, 1, 3, (0, 0), 1, commit=1)
    assert talk.witness.match(2) == 1
